// SPDX-License-Identifier: Apache-2.0
#include "serving/stand_in/scaled_pixels.h"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "serving/testing/fake_models.h"

namespace muster::testing {
namespace {

// Answers with its input.
std::shared_ptr<const CompiledModel> echo_of(const Shape& shape, DataType type = DataType::kFp32) {
  auto model = std::make_shared<FakeModel>();
  model->signature = {{{"x", type, shape, {}}}, {{"y", type, shape, {}}}};
  model->compute = [](const Inputs& inputs) -> Result<Outputs> {
    MUSTER_ASSIGN_OR_RETURN(Tensor copy,
                            Tensor::copy_of(inputs[0].type, inputs[0].shape, inputs[0].bytes));
    Outputs outputs;
    outputs.push_back(std::move(copy));
    return outputs;
  };
  return std::make_shared<const FakeCompiledModel>(std::move(model));
}

PixelScaling by_channel() {
  PixelScaling pixels;
  pixels.scale = 0.5;
  pixels.mean = {1, 2, 3};
  pixels.std = {1, 2, 4};
  return pixels;
}

std::vector<float> scaled(const CompiledModel& model, const Shape& shape,
                          const std::vector<std::uint8_t>& pixels) {
  const auto session = model.new_session().value();
  const auto room = session->prepare_input(0, shape, pixels.size()).value();
  std::memcpy(room.data(), pixels.data(), pixels.size());
  EXPECT_TRUE(session->run().ok());
  const TensorView output = session->output(0).value();
  const auto values = output.elements<float>();
  return {values.begin(), values.end()};
}

TEST(ScaledPixels, are_scaled_by_channel_wherever_it_stands) {
  const auto planes = with_scaled_pixels(echo_of({-1, 3, 1, 2}), by_channel()).value();
  EXPECT_TRUE(planes->scales_pixels());
  EXPECT_EQ(planes->signature().inputs[0].type, DataType::kUint8);
  EXPECT_EQ(planes->signature().outputs[0].type, DataType::kFp32);
  EXPECT_EQ(scaled(*planes, {2, 3, 1, 2}, {1, 3, 2, 6, 3, 11, 255, 1, 2, 2, 3, 3}),
            (std::vector<float>{0, 1, 0, 1, 0, 1, 127, 0, 0, 0, 0, 0}));
  const auto mixed = with_scaled_pixels(echo_of({-1, 1, 2, 3}), PixelScaling{}).value();
  EXPECT_EQ(scaled(*mixed, {1, 1, 2, 3}, {0, 255, 0, 0, 0, 51})[1], 1);
  const auto last = with_scaled_pixels(echo_of({-1, 2, 2, 3}), by_channel()).value();
  EXPECT_EQ(scaled(*last, {1, 2, 2, 3}, {1, 2, 3, 3, 6, 11, 1, 2, 3, 1, 2, 3}),
            (std::vector<float>{0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0}));
}

TEST(ScaledPixels, have_the_width_of_the_models_numbers) {
  const auto model =
      with_scaled_pixels(echo_of({-1, 1, 1, 2}, DataType::kFp16), PixelScaling{}).value();
  const auto session = model->new_session().value();
  const auto room = session->prepare_input(0, {1, 1, 1, 2}, 2).value();
  room[0] = std::byte{0};
  room[1] = std::byte{255};
  ASSERT_TRUE(session->run().ok());
  const TensorView output = session->output(0).value();
  EXPECT_EQ(output.bytes.size(), 4U);
  EXPECT_EQ(output.elements<std::uint16_t>()[1], 0x3c00);  // 1 as FP16
}

TEST(ScaledPixels, are_refused_where_the_model_takes_no_pictures) {
  for (const Shape& shape : {Shape{-1, 3}, Shape{-1, 2, 5, 5}, Shape{-1, -1, 5, 5}})
    EXPECT_FALSE(with_scaled_pixels(echo_of(shape), PixelScaling{}).ok()) << shape.to_string();
  EXPECT_FALSE(with_scaled_pixels(echo_of({-1, 3, 2, 2}, DataType::kInt32), PixelScaling{}).ok());
  const Status status = with_scaled_pixels(echo_of({-1, 1, 2, 2}), by_channel()).status();
  EXPECT_EQ(status.message(),
            "image.mean or image.std has 3 values, and the pictures have 1 channels");
}

TEST(ScaledPixels, are_taken_in_the_shape_of_pictures_alone) {
  const auto model = with_scaled_pixels(echo_of({-1, 3, 1, 1}), by_channel()).value();
  const auto session = model->new_session().value();
  EXPECT_FALSE(session->prepare_input(1, {1, 3, 1, 1}, 3).ok());
  EXPECT_FALSE(session->prepare_input(0, {1, 3, 1, 1}, 4).ok());
  EXPECT_FALSE(session->prepare_input(0, {1, 2, 1, 1}, 2).ok());
  EXPECT_FALSE(session->prepare_input(0, {3}, 3).ok());
  EXPECT_EQ(session->run().code(), StatusCode::kFailedPrecondition);
  // And goes on.
  EXPECT_TRUE(session->prepare_input(0, {1, 3, 1, 1}, 3).ok());
  EXPECT_TRUE(session->run().ok());
}

}  // namespace
}  // namespace muster::testing
