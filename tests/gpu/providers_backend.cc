// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime with a provider on a GPU as the backend that any_backend_test.cc is about: the one
// that MUSTER_GPU_PROVIDER names, "cuda" or "tensorrt". The library is an installed backend with
// whatever ONNX Runtime the loader finds.
#include <cstdlib>

#include <gtest/gtest.h>

#include "inference/testing/loaded_model.h"
#include "tests/gpu/provider_models.h"

namespace muster {
namespace {

class Accelerated final : public Backend {
 public:
  [[nodiscard]] std::string_view name() const override { return backend_->name(); }
  [[nodiscard]] std::string version() const override { return backend_->version(); }
  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) override {
    ModelConfig config = *source.config;
    config.accelerators = {gpu_providers::accelerator(gpu_providers::named_provider())};
    ModelSource told = source;
    told.config = &config;
    return backend_->load(told);
  }

 private:
  const std::shared_ptr<Backend> backend_ = gpu_providers::onnxruntime();
};

}  // namespace

std::unique_ptr<Backend> backend_under_test(Clock& /*clock*/) {
  return std::make_unique<Accelerated>();
}

}  // namespace muster
