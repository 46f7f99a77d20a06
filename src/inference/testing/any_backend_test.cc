// SPDX-License-Identifier: Apache-2.0
// What every backend that reads ONNX files must do alike: a part of each one's tests.
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "inference/testing/loaded_model.h"

namespace muster {
namespace {

std::string test_model(std::string_view name) {
  return std::string(MUSTER_SOURCE_DIR "/tests/models/") + std::string(name);
}

TEST(AnyBackend, runs_scalar_outputs_and_models_without_a_batch_axis) {
  LoadedModel scalar(test_model("scalar_output.onnx"));
  ASSERT_TRUE(scalar.set<float>(0, {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}).ok());
  ASSERT_TRUE(scalar.session->run().ok());
  EXPECT_EQ(scalar.output_shape(0), Shape());
  EXPECT_EQ(scalar.get<float>(0), std::vector<float>{36});
}

TEST(AnyBackend, takes_any_size_of_open_dimensions) {
  LoadedModel loaded(test_model("dynamic_hw.onnx"));
  for (const std::int64_t side : {1, 5, 2}) {
    const auto count = static_cast<std::size_t>(2 * 3 * side * side);
    ASSERT_TRUE(loaded.set(0, {2, 3, side, side}, std::vector<float>(count, 7)).ok());
    ASSERT_TRUE(loaded.session->run().ok());
    EXPECT_EQ(loaded.get<float>(0), std::vector<float>(6, 7));
  }
}

TEST(AnyBackend, assumes_nothing_of_an_output_whose_rows_differ) {
  LoadedModel loaded(test_model("batch_changing.onnx"));
  for (const std::int64_t rows : {1, 3, 1, 2, 2}) {
    const std::vector<float> values(static_cast<std::size_t>(rows) * 4, static_cast<float>(rows));
    ASSERT_TRUE(loaded.set(0, {rows, 4}, values).ok());
    ASSERT_TRUE(loaded.session->run().ok());
    EXPECT_EQ(loaded.output_shape(0), (Shape{2 * rows, 4}));
    EXPECT_EQ(loaded.get<float>(0).size(), 2 * values.size());
  }
}

TEST(AnyBackend, passes_nan_through) {
  LoadedModel loaded(test_model("nan_output.onnx"));
  ASSERT_TRUE(loaded.set<float>(0, {1, 4}, {1, NAN, 3, INFINITY}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  for (const float value : loaded.get<float>(0))
    EXPECT_TRUE(std::isnan(value));
}

TEST(AnyBackend, refuses_a_size_that_is_not_the_shapes) {
  LoadedModel loaded(test_model("identity_fp32.onnx"));
  const auto wrong = loaded.session->prepare_input(0, {2, 4}, 31);
  EXPECT_EQ(wrong.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(wrong.status().message(), "input 'input' has 31 bytes; FP32[2,4] takes 32");
  EXPECT_FALSE(loaded.session->prepare_input(0, {-1, 4}, 16).ok());
  EXPECT_FALSE(loaded.session->prepare_input(0, {std::int64_t{1} << 62, 4}, 16).ok());
  EXPECT_FALSE(loaded.session->prepare_input(1, {1, 4}, 16).ok());
}

TEST(AnyBackend, fails_run_and_output_out_of_order) {
  LoadedModel loaded(test_model("identity_fp32.onnx"));
  EXPECT_EQ(loaded.session->run().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(loaded.session->output(0).status().code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(loaded.set<float>(0, {1, 4}, {1, 2, 3, 4}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_TRUE(loaded.session->output(0).ok());
  EXPECT_FALSE(loaded.session->output(1).ok());
  EXPECT_EQ(loaded.session->run().code(), StatusCode::kFailedPrecondition);
}

TEST(AnyBackend, gives_a_batch_of_n_what_n_batches_of_one_give) {
  LoadedModel loaded(test_model("fixed_batch_4.onnx"));
  LoadedModel single(test_model("fixed_batch_1.onnx"));
  std::vector<float> pixels(4 * 28 * 28);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<float>(i % 97) / 97;
  ASSERT_TRUE(loaded.set(0, {4, 1, 28, 28}, pixels).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  std::vector<float> one_by_one;
  for (std::ptrdiff_t row = 0; row < 4; ++row) {
    const auto begin = pixels.begin() + row * 28 * 28;
    ASSERT_TRUE(single.set(0, {1, 1, 28, 28}, std::vector<float>(begin, begin + 28 * 28)).ok());
    ASSERT_TRUE(single.session->run().ok());
    for (const float value : single.get<float>(0))
      one_by_one.push_back(value);
  }
  const std::vector<float> batched = loaded.get<float>(0);
  ASSERT_EQ(batched.size(), one_by_one.size());
  for (std::size_t i = 0; i < batched.size(); ++i)
    EXPECT_NEAR(batched[i], one_by_one[i], 1e-5);
}

TEST(AnyBackend, shares_one_model_among_threads) {
  const LoadedModel loaded(test_model("identity_fp32.onnx"));
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      const std::unique_ptr<Session> session = loaded.model->new_session().value();
      for (std::int64_t i = 0; i < 200; ++i) {
        const std::int64_t rows = 1 + i % 7;
        const auto bytes =
            session->prepare_input(0, {rows, 4}, static_cast<std::size_t>(rows) * 16).value();
        std::memset(bytes.data(), static_cast<int>(t + 1), bytes.size());
        if (!session->run().ok()) ++wrong[t];
        const TensorView output = session->output(0).value();
        for (const std::byte byte : output.bytes) {
          if (byte != static_cast<std::byte>(t + 1)) ++wrong[t];
        }
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST(AnyBackend, may_be_used_by_threads_that_take_turns) {
  LoadedModel loaded(test_model("no_batch.onnx"));
  for (int i = 0; i < 3; ++i) {
    std::thread([&] {
      ASSERT_TRUE(loaded.set<float>(0, {3}, {1, 2, 3}).ok());
      ASSERT_TRUE(loaded.session->run().ok());
    }).join();
    EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{2, 3, 4}));
  }
}

TEST(AnyBackend, carries_every_type_unchanged) {
  for (const char* type : {"bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32",
                           "int64", "fp16", "bf16", "fp32", "fp64"}) {
    LoadedModel loaded(test_model("identity_" + std::string(type) + ".onnx"));
    ASSERT_NE(loaded.session, nullptr) << type;
    const DataType data_type = loaded.model->signature().inputs[0].type;
    EXPECT_EQ(
        data_type_name(data_type),
        data_type_name(
            parse_data_type(data_type_name(loaded.model->signature().outputs[0].type)).value()));
    const std::size_t size = 12 * element_size(data_type);
    const auto bytes = loaded.session->prepare_input(0, {3, 4}, size);
    ASSERT_TRUE(bytes.ok()) << type;
    const std::size_t width = element_size(data_type);
    // Not every runtime has more than 31 bits for whole numbers.
    const bool whole_number = std::string_view(type).find("int") != std::string_view::npos;
    const auto expected = [&](std::size_t i) {
      const bool high = whole_number && width > 2 && i % width > 2;
      return static_cast<std::byte>(high ? 0 : i % 2);
    };
    for (std::size_t i = 0; i < size; ++i)
      (*bytes)[i] = expected(i);
    ASSERT_TRUE(loaded.session->run().ok()) << type;
    const TensorView output = loaded.session->output(0).value();
    EXPECT_EQ(output.type, data_type);
    EXPECT_EQ(output.shape, (Shape{3, 4}));
    ASSERT_EQ(output.bytes.size(), size);
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(output.bytes[i], expected(i)) << type << " byte " << i;
    }
  }
}

TEST(AnyBackend, lets_backend_and_model_go_before_the_session) {
  LoadedModel loaded(test_model("no_batch.onnx"));
  loaded.backend.reset();
  loaded.model.reset();
  ASSERT_TRUE(loaded.set<float>(0, {3}, {1, 2, 3}).ok());
  EXPECT_TRUE(loaded.session->run().ok());
}

}  // namespace
}  // namespace muster
