// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>

#include <gtest/gtest.h>

#include "backends/onnxruntime/binding.h"
#include "inference/testing/loaded_model.h"
#include "onnx/testing/onnx_file.h"

namespace muster::onnxruntime {
namespace {

using namespace onnx;

TEST(Session, carries_strings_with_embedded_nuls) {
  using namespace std::string_view_literals;
  LoadedModel loaded(test_model("identity_string.onnx"));
  const std::vector<std::string_view> first = {"", "a\0b"sv, "\xff\xfe", "four"};
  const std::vector<std::string_view> second = {"longer than any small string buffer is", "", "",
                                                "x"};
  for (const std::vector<std::string_view>& strings : {first, second, first}) {
    ASSERT_TRUE(loaded.set_strings({1, 4}, strings).ok());
    ASSERT_TRUE(loaded.session->run().ok());
    const TensorView output = loaded.session->output(0).value();
    EXPECT_EQ(bytes_elements(output).value(), strings);
  }
}

TEST(Session, refuses_strings_whose_lengths_do_not_add_up) {
  LoadedModel loaded(test_model("identity_string.onnx"));
  ASSERT_TRUE(loaded.set<std::uint32_t>(0, {1, 4}, {0, 0, 0, 77}).ok());
  const Status status = loaded.session->run();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("input 'input'"), std::string_view::npos) << status.message();
  ASSERT_TRUE(loaded.set_strings({1, 4}, {"a", "b", "c", "d"}).ok());
  EXPECT_TRUE(loaded.session->run().ok());
}

TEST(Session, carries_several_inputs_and_outputs) {
  LoadedModel loaded(test_model("two_in_two_out.onnx"));
  ASSERT_TRUE(loaded.set<float>(0, {2, 2}, {1, 2, 3, 4}).ok());
  ASSERT_TRUE(loaded.set<std::int64_t>(1, {2, 3}, {1, 10, 100, 2, 20, 200}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{3, 7}));
  EXPECT_EQ(loaded.get<float>(1),
            (std::vector<float>{1, 10, 100, 2, 20, 200, 6, 60, 600, 8, 80, 800}));
  EXPECT_EQ(loaded.output_shape(1), (Shape{2, 2, 3}));
}

TEST(Session, runs_shapes_that_change_and_come_back) {
  LoadedModel loaded(test_model("identity_fp32.onnx"));
  for (const std::int64_t rows : {1, 3, 1, 200, 3, 0, 1, 65, 200}) {
    std::vector<float> values(static_cast<std::size_t>(rows) * 4);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(i + 1);
    ASSERT_TRUE(loaded.set(0, {rows, 4}, values).ok());
    ASSERT_TRUE(loaded.session->run().ok()) << rows;
    EXPECT_EQ(loaded.output_shape(0), (Shape{rows, 4}));
    EXPECT_EQ(loaded.get<float>(0), values);
  }
}

TEST(Session, runs_more_shapes_than_it_keeps_bindings_for) {
  constexpr std::size_t kMore = 2 * kMaxBindingBytes / (kBytesOfBinding + 2 * kBytesOfBoundTensor);
  LoadedModel loaded(test_model("identity_fp32.onnx"));
  for (int round = 0; round < 2; ++round) {
    for (std::size_t rows = kMore; rows > 0; --rows) {
      const std::vector<float> values(rows * 4, static_cast<float>(rows));
      ASSERT_TRUE(loaded.set(0, {static_cast<std::int64_t>(rows), 4}, values).ok());
      ASSERT_TRUE(loaded.session->run().ok());
      ASSERT_EQ(loaded.get<float>(0), values);
    }
  }
}

TEST(Session, gives_the_same_memory_for_the_same_shape) {
  LoadedModel loaded(test_model("identity_fp32.onnx"));
  ASSERT_TRUE(loaded.set<float>(0, {1, 4}, {1, 2, 3, 4}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  const std::byte* const output = loaded.session->output(0).value().bytes.data();
  const std::byte* const input = loaded.session->prepare_input(0, {1, 4}, 16).value().data();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(input) % Buffer::kAlignment, 0U);
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.session->output(0).value().bytes.data(), output);
  EXPECT_EQ(loaded.session->prepare_input(0, {1, 4}, 16).value().data(), input);
}

TEST(Session, reads_memory_that_is_lent_where_it_lies) {
  LoadedModel loaded(test_model("identity_fp32.onnx"));
  const auto lend = [&](const Shape& shape, const std::vector<float>& values) {
    ASSERT_TRUE(loaded.session->lend_input(0, shape, std::as_bytes(std::span(values))).ok());
    ASSERT_TRUE(loaded.session->run().ok());
    EXPECT_EQ(loaded.get<float>(0), values);
  };
  std::vector<float> one = {1, 2, 3, 4};
  lend({1, 4}, one);
  // The same memory with other values, other memory, another shape, and its own again.
  one[2] = 7;
  lend({1, 4}, one);
  lend({1, 4}, {5, 6, 7, 8});
  lend({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  ASSERT_TRUE(loaded.set<float>(0, {1, 4}, {9, 9, 9, 9}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{9, 9, 9, 9}));
  lend({1, 4}, one);
  lend({0, 4}, {});
  EXPECT_EQ(loaded.session->lend_input(1, {1, 4}, {}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(loaded.session->lend_input(0, {1, 4}, {}).code(), StatusCode::kInvalidArgument);
}

TEST(Session, lends_some_inputs_and_not_others) {
  LoadedModel loaded(test_model("two_in_two_out.onnx"));
  const std::vector<std::int64_t> lent = {1, 10, 100, 2, 20, 200};
  ASSERT_TRUE(loaded.set<float>(0, {2, 2}, {1, 2, 3, 4}).ok());
  ASSERT_TRUE(loaded.session->lend_input(1, {2, 3}, std::as_bytes(std::span(lent))).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{3, 7}));
  EXPECT_EQ(loaded.get<float>(1),
            (std::vector<float>{1, 10, 100, 2, 20, 200, 6, 60, 600, 8, 80, 800}));
}

TEST(Session, borrows_no_text) {
  LoadedModel loaded(test_model("identity_string.onnx"));
  EXPECT_EQ(loaded.session->lend_input(0, {1, 4}, {}).code(), StatusCode::kUnimplemented);
}

TEST(Session, recovers_from_a_model_that_declares_a_wrong_output_shape) {
  const TemporaryFolder folder;
  // Says [N,2], gives [2N,2].
  const std::string graph = one_node_graph(
      node("Concat", {"x", "x"}, "y", int_attribute("axis", 0)), value_info("y", 1, {"N", "2"}));
  LoadedModel loaded(folder.write("model.onnx", model(graph)));
  ASSERT_NE(loaded.session, nullptr);
  for (const std::int64_t rows : {1, 1, 3, 1}) {
    const std::vector<float> values(static_cast<std::size_t>(rows) * 2, static_cast<float>(rows));
    ASSERT_TRUE(loaded.set(0, {rows, 2}, values).ok());
    const Status status = loaded.session->run();
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(loaded.output_shape(0), (Shape{2 * rows, 2}));
    EXPECT_EQ(loaded.get<float>(0),
              std::vector<float>(2 * values.size(), static_cast<float>(rows)));
  }
}

TEST(Session, has_outputs_again_in_the_shape_that_failed) {
  const TemporaryFolder folder;
  // y[i] = x[index[i]], which fails where there is no such row.
  const std::string graph = message(1, node("Gather", {"x", "index"}, "y")) +
                            message(11, value_info("x", 1, {"N", "2"})) +
                            message(11, value_info("index", 7, {"M"})) +
                            message(12, value_info("y", 1, {"M", "2"}));
  LoadedModel loaded(folder.write("model.onnx", model(graph)));
  ASSERT_NE(loaded.session, nullptr);
  for (const std::int64_t index : {1, 9, 9, 0, 9, 1}) {
    ASSERT_TRUE(loaded.set<float>(0, {2, 2}, {1, 2, 3, 4}).ok());
    ASSERT_TRUE(loaded.set<std::int64_t>(1, {1}, {index}).ok());
    const Status status = loaded.session->run();
    ASSERT_EQ(status.ok(), index < 2) << status.message();
    ASSERT_EQ(loaded.session->output(0).ok(), index < 2);
    if (!status.ok()) continue;
    const auto first = static_cast<float>(2 * index + 1);
    EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{first, first + 1}));
  }
}

TEST(Session, is_ready_again_after_every_failure) {
  LoadedModel loaded(test_model("two_in_two_out.onnx"));
  const auto good = [&] {
    ASSERT_TRUE(loaded.set<float>(0, {1, 2}, {1, 2}).ok());
    ASSERT_TRUE(loaded.set<std::int64_t>(1, {1, 3}, {1, 1, 1}).ok());
    ASSERT_TRUE(loaded.session->run().ok());
    EXPECT_EQ(loaded.get<float>(0), std::vector<float>{3});
  };
  good();
  // Batches that differ between the inputs: the runtime notices in the middle of the run.
  ASSERT_TRUE(loaded.set<float>(0, {2, 2}, {1, 2, 3, 4}).ok());
  ASSERT_TRUE(loaded.set<std::int64_t>(1, {3, 3}, std::vector<std::int64_t>(9, 1)).ok());
  const Status differing = loaded.session->run();
  EXPECT_FALSE(differing.ok());
  EXPECT_EQ(differing.message().find('\n'), std::string_view::npos);
  EXPECT_FALSE(loaded.session->output(0).ok());
  good();
  // A wrong rank.
  ASSERT_TRUE(loaded.set<float>(0, {2}, {1, 2}).ok());
  ASSERT_TRUE(loaded.set<std::int64_t>(1, {1, 3}, {1, 1, 1}).ok());
  EXPECT_EQ(loaded.session->run().code(), StatusCode::kInvalidArgument);
  good();
  // Refused while being prepared: what was there before must not be run.
  ASSERT_TRUE(loaded.set<float>(0, {1, 2}, {1, 2}).ok());
  ASSERT_TRUE(loaded.set<std::int64_t>(1, {1, 3}, {1, 1, 1}).ok());
  EXPECT_FALSE(loaded.session->prepare_input(0, {4, 2}, 1).ok());
  EXPECT_EQ(loaded.session->run().code(), StatusCode::kFailedPrecondition);
  good();
}

}  // namespace
}  // namespace muster::onnxruntime
