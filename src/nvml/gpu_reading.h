// SPDX-License-Identifier: Apache-2.0
// What NVML says of one GPU at one moment, as plain values in base units.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nvml/nvml_calls.h"

namespace muster {

struct GpuIdentity {
  unsigned int index = 0;  // as nvidia-smi counts: by PCI bus
  std::string uuid;        // "GPU-" and 36 characters
  std::string name;
};

// Nothing where the GPU, the driver or the part of a GPU (MIG) does not tell.
struct GpuReading {
  bool answers = false;               // false: nothing below is known
  std::optional<double> busy;         // part of the time in which a kernel ran, 0 to 1
  std::optional<double> memory_busy;  // part of the time in which memory was read or written
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> memory_used_bytes;  // by all processes, and by the driver
  std::optional<double> power_watts;
  std::optional<double> power_limit_watts;
  std::optional<double> energy_joules;  // since the driver was loaded
  std::optional<double> sm_clock_hertz;
  std::optional<double> memory_clock_hertz;
  std::optional<double> temperature_celsius;
};

// Calls NVML, which may take as long as it likes. Where the GPU is lost, `fault` says how.
[[nodiscard]] GpuReading read_gpu(const nvml::Calls& calls, nvml::Device device,
                                  std::string& fault);

}  // namespace muster
