// SPDX-License-Identifier: Apache-2.0
// A model on the GPU and sessions of it, for tests. Engines are built once a process.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "backends/tensorrt/backend.h"
#include "onnx/testing/onnx_file.h"
#include "tests/gpu/batches.h"

namespace muster::tensorrt {

using Parameters = std::initializer_list<std::pair<const char*, const char*>>;

// Where this process keeps what it builds: MUSTER_GPU_ENGINES, which the next one then finds, or a
// folder of its own.
inline std::string engine_folder() {
  static const onnx::TemporaryFolder folder;
  const char* const kept = std::getenv("MUSTER_GPU_ENGINES");
  return kept == nullptr ? folder.path().string() : std::string(kept);
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

}  // namespace muster::tensorrt
