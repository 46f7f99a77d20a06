// SPDX-License-Identifier: Apache-2.0
// Models on ONNX Runtime's providers on a GPU, for tests: the installed backend, with whatever ONNX
// Runtime the loader finds (LD_LIBRARY_PATH).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <muster/backend.h>

#include "serving/backend_library.h"
#include "tests/gpu/batches.h"

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

}  // namespace muster::gpu_providers
