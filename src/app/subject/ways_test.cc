// SPDX-License-Identifier: Apache-2.0
#include "app/subject/ways.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(Ways, name_a_backend_and_the_accelerators_below_it) {
  const Way plain = parse_way("openvino", {});
  EXPECT_EQ(plain.backend, "openvino");
  EXPECT_FALSE(plain.accelerators);
  const Way two = parse_way("onnxruntime+tensorrt+cuda", {});
  EXPECT_EQ(two.backend, "onnxruntime");
  ASSERT_TRUE(two.accelerators);
  ASSERT_EQ(two.accelerators->size(), 2U);
  EXPECT_EQ((*two.accelerators)[0].name, "tensorrt");
  EXPECT_TRUE((*two.accelerators)[0].on_gpu);
  EXPECT_EQ(name_of_way(two.backend, *two.accelerators), "onnxruntime+tensorrt+cuda");
}

TEST(Ways, have_the_parameters_of_the_configuration) {
  const std::vector<ExecutionAccelerator> configured = {{"cuda", {{"use_tf32", "0"}}, true, 7}};
  const Way way = parse_way("onnxruntime+cuda", configured);
  ASSERT_TRUE(way.accelerators);
  EXPECT_EQ(way.accelerators->front().parameters.at("use_tf32"), "0");
  EXPECT_TRUE(
      parse_way("onnxruntime+tensorrt", configured).accelerators->front().parameters.empty());
}

TEST(Ways, compute_on_a_gpu_by_their_accelerators) {
  for (const char* way : {"tensorrt", "onnxruntime+cuda", "onnxruntime+tensorrt+cuda"})
    EXPECT_TRUE(computes_on_gpu(way)) << way;
  for (const char* way : {"onnxruntime", "openvino", "onnxruntime+openvino"})
    EXPECT_FALSE(computes_on_gpu(way)) << way;
}

TEST(Ways, are_offered_where_the_runtime_has_the_provider) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(ways_on_gpus({"CPUExecutionProvider"}), Names());
  EXPECT_EQ(
      ways_on_gpus({"TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"}),
      (Names{"onnxruntime+cuda", "onnxruntime+tensorrt"}));
}

}  // namespace
}  // namespace muster
