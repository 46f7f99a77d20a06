// SPDX-License-Identifier: Apache-2.0
// Whole numbers beyond what the runtime computes with.
#include "backends/openvino/integer_range.h"

#include <limits>

#include <gtest/gtest.h>

#include "backends/openvino/testing/ir_file.h"
#include "backends/openvino/testing/onnx_graph.h"
#include "inference/testing/loaded_model.h"

namespace muster::openvino {
namespace {

using namespace onnx;

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

TEST(WholeNumbers, beyond_what_the_runtime_computes_with_are_refused) {
  LoadedModel loaded(test_model("identity_int64.onnx"));
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const std::vector<std::int64_t> good = {kMost, -kMost - 1, 0, -1};
  ASSERT_TRUE(loaded.set(0, {1, 4}, good).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.get<std::int64_t>(0), good);
  for (const std::int64_t wrong : {kMost + 1, -kMost - 2}) {
    ASSERT_TRUE(loaded.set<std::int64_t>(0, {1, 4}, {0, wrong, 0, 0}).ok());
    const Status status = loaded.session->run();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("beyond 32 bits"), std::string_view::npos);
  }
}

// y = x + constant, all INT64.
std::string write_sum(const TemporaryFolder& folder, std::int64_t constant) {
  constexpr std::uint64_t kInt64 = 7;
  return folder.write("model.onnx", model(message(1, node("Add", {"x", "c"}, "y")) +
                                          message(5, int64_tensor("c", {constant})) +
                                          message(11, value_info("x", kInt64, {"N", "1"})) +
                                          message(12, value_info("y", kInt64, {"N", "1"}))));
}

TEST(WholeNumbers, beyond_32_bits_are_refused_as_constants_of_the_model) {
  const TemporaryFolder folder;
  for (const std::int64_t wrong : {std::int64_t{5'000'000'000}, std::int64_t{1} << 31,
                                   -(std::int64_t{1} << 31) - 1, kLargest - 1}) {
    const std::string error = load_error(write_sum(folder, wrong));
    EXPECT_NE(error.find("holds " + std::to_string(wrong) + ", which is beyond the 32 bits"),
              std::string::npos)
        << error;
  }
  for (const std::int64_t right : {(std::int64_t{1} << 31) - 1, -(std::int64_t{1} << 31)})
    EXPECT_NE(LoadedModel(write_sum(folder, right)).model, nullptr);
}

TEST(WholeNumbers, that_bound_a_slice_mean_as_far_as_it_goes) {
  const TemporaryFolder folder;
  const auto write = [&](std::int64_t end) {
    return folder.write(
        "model.onnx",
        model(message(1, node("Slice", {"x", "from", "to", "axes"}, "y")) +
              message(5, int64_tensor("from", {1})) + message(5, int64_tensor("to", {end})) +
              message(5, int64_tensor("axes", {1})) + message(11, value_info("x", 1, {"N", "3"})) +
              message(12, value_info("y", 1, {"N", "2"}))));
  };
  for (const std::int64_t end : {kLargest, std::int64_t{1} << 40}) {
    LoadedModel loaded(write(end));
    ASSERT_NE(loaded.session, nullptr) << end;
    ASSERT_TRUE(loaded.set<float>(0, {1, 3}, {1, 2, 3}).ok());
    ASSERT_TRUE(loaded.session->run().ok());
    EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{2, 3}));
  }
}

TEST(WholeNumbers, that_mark_the_ends_of_their_type_may_be_constants) {
  const TemporaryFolder folder;
  for (const std::int64_t mark : {kLargest, kLeast, kLeast + 1})
    EXPECT_NE(LoadedModel(write_sum(folder, mark)).model, nullptr) << mark;
}

TEST(WholeNumbers, that_come_out_are_warned_of) {
  const TemporaryFolder folder;
  testing::internal::CaptureStderr();
  const LoadedModel loaded(write_sum(folder, 1));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("'y' is INT64, which OpenVINO computes as INT32 on a CPU"), std::string::npos)
      << log;
}

}  // namespace
}  // namespace muster::openvino
