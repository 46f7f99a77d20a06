// SPDX-License-Identifier: Apache-2.0
// A model on the GPU and sessions of it, for tests. Engines are built once a process.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "backends/tensorrt/backend.h"
#include "onnx/testing/onnx_file.h"

namespace muster::tensorrt {

using Parameters = std::initializer_list<std::pair<const char*, const char*>>;

inline std::string lenet_file() {
  return MUSTER_SOURCE_DIR "/models/lenet/1/model.onnx";
}
constexpr std::size_t kDigitPixels = std::size_t{28} * 28;

// Where this process keeps what it builds: MUSTER_GPU_ENGINES, which the next one then finds, or a
// folder of its own.
inline std::string engine_folder() {
  static const onnx::TemporaryFolder folder;
  const char* const kept = std::getenv("MUSTER_GPU_ENGINES");
  return kept == nullptr ? folder.path().string() : std::string(kept);
}

inline std::vector<float> random_values(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(0, 1);
  std::vector<float> values(count);
  for (float& each : values)
    each = value(random);
  return values;
}

struct ModelOnGpu {
  explicit ModelOnGpu(std::string model_file, const Parameters& parameters = {},
                      std::int64_t max_batch_size = 64, std::optional<PixelScaling> pixels = {})
      : file(std::move(model_file)) {
    config.batching.max_batch_size = max_batch_size;
    for (const auto& [key, value] : parameters)
      config.parameters[key] = value;
    source.compiled_cache = engine_folder();
    source.pixels = std::move(pixels);
    load();
  }

  void load() {
    source.file = file;
    source.config = &config;
    Result<std::shared_ptr<const CompiledModel>> loaded = backend->load(source);
    ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
    model = std::move(loaded).value();
  }

  std::string file;
  ModelConfig config;
  ModelSource source{"", nullptr};
  std::shared_ptr<Backend> backend = create_backend().value();
  std::shared_ptr<const CompiledModel> model;
};

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

}  // namespace muster::tensorrt
