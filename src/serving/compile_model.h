// SPDX-License-Identifier: Apache-2.0
// CompileModel: a model's ONNX file, given to a backend to compile it ahead of time.
#pragma once

#include <optional>
#include <string>

#include <muster/service.h>

#include "serving/model_folder.h"

namespace muster {

// What is compiled, and with which parameters.
struct CompilePlan {
  std::string file;    // model.onnx
  ModelConfig config;  // as written, with the parameters of `options.backend`
  std::optional<PixelScaling> pixels;
};

// kFailedPrecondition where the model has no ONNX file.
[[nodiscard]] Result<CompilePlan> plan_compile(const ModelFolder& folder,
                                               const CompileOptions& options);
// With a backend that is open already.
[[nodiscard]] Result<CompiledFile> compile_with(Backend& backend, const CompilePlan& plan,
                                                const CompileOptions& options,
                                                CompileListener& listener);

}  // namespace muster
