// SPDX-License-Identifier: Apache-2.0
// Batches of LeNet's digits and of whatever else has one input, and what comes of them, for tests
// on a GPU: those of the tensorrt backend and of ONNX Runtime's providers, each in a namespace of
// its own within this one.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <muster/backend.h>

namespace muster {

inline std::string lenet_file() {
  return MUSTER_SOURCE_DIR "/models/lenet/1/model.onnx";
}
constexpr std::size_t kDigitPixels = std::size_t{28} * 28;

inline std::vector<float> random_values(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(0, 1);
  std::vector<float> values(count);
  for (float& each : values)
    each = value(random);
  return values;
}

// One batch of the only input; what the first output has of it.
template <typename In>
Result<std::vector<float>> run_batch(Session& session, const Shape& shape,
                                     const std::vector<In>& values) {
  const std::size_t size = values.size() * sizeof(In);
  MUSTER_ASSIGN_OR_RETURN(const std::span<std::byte> room, session.prepare_input(0, shape, size));
  std::memcpy(room.data(), values.data(), size);
  MUSTER_RETURN_IF_ERROR(session.run());
  MUSTER_ASSIGN_OR_RETURN(const TensorView output, session.output(0));
  const std::span<const float> elements = output.elements<float>();
  return std::vector<float>(elements.begin(), elements.end());
}

// `rows` digits.
inline Result<std::vector<float>> run_digits(Session& session, std::int64_t rows,
                                             std::uint32_t seed) {
  return run_batch(session, {rows, 1, 28, 28},
                   random_values(static_cast<std::size_t>(rows) * kDigitPixels, seed));
}

inline void expect_near(const Result<std::vector<float>>& got,
                        const Result<std::vector<float>>& wanted, double tolerance) {
  ASSERT_TRUE(got.ok()) << got.status().to_string();
  ASSERT_TRUE(wanted.ok()) << wanted.status().to_string();
  ASSERT_EQ(got->size(), wanted->size());
  for (std::size_t i = 0; i < wanted->size(); ++i)
    ASSERT_NEAR((*got)[i], (*wanted)[i], tolerance) << "element " << i;
}

}  // namespace muster
