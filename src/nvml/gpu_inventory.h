// SPDX-License-Identifier: Apache-2.0
// GpuInventory: which GPUs there are, and the driver below them, for `muster inspect --runtime`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nvml/visible_gpus.h"

namespace muster {

struct GpuInventory {
  struct Gpu {
    GpuIdentity identity;
    std::optional<std::uint64_t> memory_bytes;
    bool visible = true;  // to CUDA, as far as it can be known
  };
  std::string driver;  // its version; "" = unknown
  std::string cuda;    // the newest version of CUDA that it can do; "" = unknown
  std::vector<Gpu> gpus;
  std::string fault;  // why there are none; "" = there are
};

// Calls NVML on this thread: as long as that takes. `library`: as GpuSampler::Options has it.
[[nodiscard]] GpuInventory find_gpus(const CudaEnvironment& cuda,
                                     const std::string& library = nvml::kLibrary);

}  // namespace muster
