// SPDX-License-Identifier: Apache-2.0
// Models on ONNX Runtime's providers on a GPU, for tests: the installed backend, with whatever ONNX
// Runtime the loader finds (LD_LIBRARY_PATH).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <muster/backend.h>

#include "serving/backend_library.h"

namespace muster::gpu_providers {

using Parameters = std::map<std::string, std::string, std::less<>>;

inline std::shared_ptr<Backend> onnxruntime() {
  static const std::shared_ptr<Backend> backend = open_backend("onnxruntime").value();
  return backend;
}

// Of those that the tests are run for once each.
inline std::string named_provider() {
  const char* const name = std::getenv("MUSTER_GPU_PROVIDER");
  return name == nullptr ? "cuda" : name;
}

inline ExecutionAccelerator accelerator(std::string name, Parameters parameters = {}) {
  return {std::move(name), std::move(parameters), true, 0};
}

inline std::string lenet_file() {
  return MUSTER_SOURCE_DIR "/models/lenet/1/model.onnx";
}
constexpr std::size_t kDigitPixels = std::size_t{28} * 28;

struct Loaded {
  explicit Loaded(std::vector<ExecutionAccelerator> accelerators,
                  const std::string& file = lenet_file(), const std::string& cache = "") {
    ModelConfig config;
    config.batching.max_batch_size = 64;
    config.accelerators = std::move(accelerators);
    ModelSource source{file, &config};
    source.compiled_cache = cache;
    Result<std::shared_ptr<const CompiledModel>> loaded = onnxruntime()->load(source);
    EXPECT_TRUE(loaded.ok()) << loaded.status().to_string();
    if (!loaded.ok()) return;
    model = std::move(loaded).value();
    session = model->new_session().value();
  }

  std::shared_ptr<const CompiledModel> model;
  std::unique_ptr<Session> session;
};

inline std::vector<float> random_values(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(0, 1);
  std::vector<float> values(count);
  for (float& each : values)
    each = value(random);
  return values;
}

inline Result<std::vector<float>> run(Session& session, const Shape& shape,
                                      const std::vector<float>& values) {
  const std::size_t size = values.size() * sizeof(float);
  MUSTER_ASSIGN_OR_RETURN(const std::span<std::byte> room, session.prepare_input(0, shape, size));
  std::memcpy(room.data(), values.data(), size);
  MUSTER_RETURN_IF_ERROR(session.run());
  MUSTER_ASSIGN_OR_RETURN(const TensorView output, session.output(0));
  const std::span<const float> elements = output.elements<float>();
  return std::vector<float>(elements.begin(), elements.end());
}

inline Result<std::vector<float>> run_digits(Session& session, std::int64_t rows,
                                             std::uint32_t seed) {
  return run(session, {rows, 1, 28, 28},
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

}  // namespace muster::gpu_providers
