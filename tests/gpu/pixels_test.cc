// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/gpu/model_on_gpu.h"

namespace muster::tensorrt {
namespace {

std::vector<std::uint8_t> random_pixels(std::size_t count) {
  std::mt19937 random(9);
  std::uniform_int_distribution<int> value(0, 255);
  std::vector<std::uint8_t> pixels(count);
  for (std::uint8_t& pixel : pixels)
    pixel = static_cast<std::uint8_t>(value(random));
  return pixels;
}

TEST(Pixels, scaled_on_the_gpu_give_what_those_scaled_before_give) {
  const PixelScaling scaling{1.0 / 255, {33.3}, {0.3081}};
  ModelOnGpu bytes(lenet_file(), {{"precision", "fp32"}}, 64, scaling);
  ModelOnGpu floats(lenet_file(), {{"precision", "fp32"}});
  ASSERT_EQ(bytes.model->signature().inputs[0].type, DataType::kUint8);
  ASSERT_EQ(floats.model->signature().inputs[0].type, DataType::kFp32);
  const auto of_bytes = bytes.model->new_session().value();
  const auto of_floats = floats.model->new_session().value();
  for (const std::int64_t rows : {1, 7, 64}) {
    const auto pixels = random_pixels(static_cast<std::size_t>(rows) * kDigitPixels);
    std::vector<float> scaled;
    for (const std::uint8_t pixel : pixels) {
      scaled.push_back((static_cast<float>(pixel) - static_cast<float>(scaling.mean[0])) *
                       static_cast<float>(scaling.scale / scaling.std[0]));
    }
    const Shape shape{rows, 1, 28, 28};
    expect_near(run_batch(*of_bytes, shape, pixels), run_batch(*of_floats, shape, scaled), 1e-3);
  }
}

}  // namespace
}  // namespace muster::tensorrt
