// SPDX-License-Identifier: Apache-2.0
// How flags and tables name a way to run a model: a backend, or ONNX Runtime with execution
// providers below it, "onnxruntime+cuda".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <muster/model.h>

namespace muster {

// Providers that have a name here and are asked for by it alone, the runtime's own name of each.
struct NamedProvider {
  std::string_view name;
  std::string_view runtime;
};
inline constexpr NamedProvider kGpuProviders[] = {{"cuda", "CUDAExecutionProvider"},
                                                  {"tensorrt", "TensorrtExecutionProvider"}};

struct Way {
  std::string backend;
  // Nothing: those that the configuration asks for.
  std::optional<std::vector<ExecutionAccelerator>> accelerators;
};

// "onnxruntime+tensorrt+cuda". An accelerator that `configured` has by that name has its
// parameters.
[[nodiscard]] Way parse_way(std::string_view text,
                            const std::vector<ExecutionAccelerator>& configured);
[[nodiscard]] std::string name_of_way(std::string_view backend,
                                      const std::vector<ExecutionAccelerator>& accelerators);

// "tensorrt", or ONNX Runtime with a provider of GPUs among its accelerators.
[[nodiscard]] bool computes_on_gpu(std::string_view way);
// Those of ONNX Runtime on a GPU that an installed one says it has: "onnxruntime+cuda". Whether
// there is a GPU is found out by trying. `devices`: as Backend::devices.
[[nodiscard]] std::vector<std::string> ways_on_gpus(const std::vector<std::string>& devices);
// The same, asked in a process of its own: the runtime's threads stay out of this one. Empty where
// it cannot be asked.
[[nodiscard]] std::vector<std::string> offered_ways_on_gpus();

}  // namespace muster
