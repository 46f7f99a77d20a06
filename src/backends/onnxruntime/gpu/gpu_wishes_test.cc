// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/gpu/gpu_wishes.h"

#include <utility>

#include <gtest/gtest.h>

namespace muster::onnxruntime {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

ModelConfig with(std::vector<std::pair<std::string, Parameters>> accelerators) {
  ModelConfig config;
  for (auto& [name, parameters] : accelerators)
    config.accelerators.push_back({std::move(name), std::move(parameters), true, 0});
  return config;
}

ModelSignature of_shapes(std::vector<std::pair<std::string, Shape>> inputs) {
  ModelSignature signature;
  for (auto& [name, shape] : inputs)
    signature.inputs.push_back({std::move(name), DataType::kFp32, std::move(shape), {}});
  return signature;
}

TEST(GpuOrder, is_empty_without_a_provider_on_a_gpu) {
  EXPECT_FALSE(gpu_order(with({{"openvino", {}}, {"mine", {}}})).any);
}

TEST(GpuOrder, reads_the_device_and_the_limit_of_the_first) {
  const GpuOrder order = gpu_order(with(
      {{"tensorrt", {{"device_id", "1"}, {"cuda_graphs", "7"}}}, {"cuda", {{"device_id", "2"}}}}));
  EXPECT_TRUE(order.any);
  EXPECT_TRUE(order.builds);
  EXPECT_FALSE(order.has_shapes);
  EXPECT_EQ(order.device, 1);
  EXPECT_EQ(order.graph_limit, 7);
  EXPECT_EQ(gpu_order(with({{"cuda", {}}})).graph_limit, kMaxGraphs);
  EXPECT_FALSE(gpu_order(with({{"cuda", {}}})).builds);
}

TEST(GpuOrder, has_no_graphs_where_the_configuration_wants_none) {
  EXPECT_EQ(gpu_order(with({{"cuda", {{"cuda_graphs", "0"}}}})).graph_limit, 0);
  EXPECT_EQ(gpu_order(with({{"cuda", {{"enable_cuda_graph", "0"}}}})).graph_limit, 0);
  EXPECT_EQ(gpu_order(with({{"tensorrt", {{"trt_cuda_graph_enable", "0"}}}})).graph_limit, 0);
}

TEST(GpuWishes, say_of_one_provider_alone_that_it_records) {
  GpuWishes wishes;
  wishes.graphs = true;
  EXPECT_EQ(with_wishes("cuda", {}, wishes, true), (Parameters{{"enable_cuda_graph", "1"}}));
  EXPECT_EQ(with_wishes("cuda", {}, wishes, false), (Parameters{{"enable_cuda_graph", "0"}}));
  EXPECT_EQ(with_wishes("openvino", {{"a", "b"}}, wishes, true), (Parameters{{"a", "b"}}));
  // Given up, also where the configuration asks for them.
  EXPECT_EQ(with_wishes("cuda", {{"enable_cuda_graph", "1"}}, {}, true),
            (Parameters{{"enable_cuda_graph", "0"}}));
}

TEST(GpuWishes, give_engines_a_folder_of_their_own) {
  GpuWishes wishes;
  wishes.engine_folder = "/f";
  wishes.shapes = {{"trt_profile_min_shapes", "x:1"}};
  EXPECT_EQ(with_wishes("tensorrt", {}, wishes, false),
            (Parameters{{"trt_cuda_graph_enable", "0"},
                        {"trt_engine_cache_enable", "1"},
                        {"trt_engine_cache_path", "/f"},
                        {"trt_profile_min_shapes", "x:1"},
                        {"trt_timing_cache_enable", "1"},
                        {"trt_timing_cache_path", "/f"}}));
}

TEST(BatchShapes, are_of_every_batch_that_the_configuration_takes) {
  const ModelSignature signature =
      of_shapes({{"a", {kDynamicDim, 3, 8}}, {"b", {kDynamicDim}}, {"c", {2, 2}}});
  BatchingOptions batching;
  batching.max_batch_size = 16;
  batching.preferred_batch_sizes = {4, 8};
  EXPECT_EQ(batch_shapes(signature, batching),
            (Parameters{{"trt_profile_min_shapes", "a:1x3x8,b:1,c:2x2"},
                        {"trt_profile_opt_shapes", "a:8x3x8,b:8,c:2x2"},
                        {"trt_profile_max_shapes", "a:16x3x8,b:16,c:2x2"}}));
  EXPECT_EQ(batch_shapes(signature, {}).at("trt_profile_max_shapes"), "a:64x3x8,b:64,c:2x2");
}

TEST(BatchShapes, are_none_where_more_is_open_or_nothing) {
  EXPECT_TRUE(batch_shapes(of_shapes({{"a", {kDynamicDim, kDynamicDim}}}), {}).empty());
  EXPECT_TRUE(batch_shapes(of_shapes({{"a", {1, 2}}}), {}).empty());
  EXPECT_TRUE(batch_shapes(of_shapes({{"a:0", {kDynamicDim}}}), {}).empty());
}

TEST(PrecisionOf, is_the_coarsest_of_what_runs) {
  const ModelConfig config =
      with({{"tensorrt", {{"precision_mode", "FP16"}}}, {"cuda", {{"use_tf32", "0"}}}});
  EXPECT_EQ(precision_of(config, {"tensorrt", "cuda"}), "f16");
  EXPECT_EQ(precision_of(config, {"cuda"}), "");
  EXPECT_EQ(precision_of(with({{"cuda", {}}}), {"cuda"}), "tf32");
  EXPECT_EQ(precision_of(with({{"openvino", {}}}), {"openvino"}), "");
}

}  // namespace
}  // namespace muster::onnxruntime
