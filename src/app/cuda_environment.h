// SPDX-License-Identifier: Apache-2.0
// What this process's environment says to CUDA of GPUs.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

#include "nvml/visible_gpus.h"

namespace muster {

[[nodiscard]] inline CudaEnvironment cuda_environment() {
  const auto of = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return value;
  };
  return {of("CUDA_VISIBLE_DEVICES"), of("CUDA_DEVICE_ORDER")};
}

}  // namespace muster
