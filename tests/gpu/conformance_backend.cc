// SPDX-License-Identifier: Apache-2.0
// TensorRT as the backend that any_backend_test.cc is about, with what it needs to be told.
#include <gtest/gtest.h>

#include "inference/testing/loaded_model.h"
#include "tests/gpu/model_on_gpu.h"

namespace muster {
namespace {

class Told final : public Backend {
 public:
  explicit Told(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}
  [[nodiscard]] std::string_view name() const override { return backend_->name(); }
  [[nodiscard]] std::string version() const override { return backend_->version(); }
  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) override {
    ModelConfig config = *source.config;
    // A range for each dimension that the file leaves open.
    if (source.file.ends_with("dynamic_hw.onnx"))
      config.parameters["profiles"] = "input=1x3x1x1:2x3x5x5:4x3x16x16";
    config.parameters.try_emplace("precision", "fp32");
    ModelSource told = source;
    told.config = &config;
    told.compiled_cache = tensorrt::engine_folder();
    return backend_->load(told);
  }

 private:
  const std::unique_ptr<Backend> backend_;
};

}  // namespace

std::unique_ptr<Backend> backend_under_test(Clock& clock) {
  return std::make_unique<Told>(tensorrt::create_backend({}, clock).value());
}

}  // namespace muster
