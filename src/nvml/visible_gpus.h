// SPDX-License-Identifier: Apache-2.0
// Which of a machine's GPUs CUDA shows to this process: NVML knows nothing of CUDA_VISIBLE_DEVICES.
// Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nvml/gpu_reading.h"

namespace muster {

// What CUDA reads in the environment; nothing = not set.
struct CudaEnvironment {
  std::optional<std::string> visible_devices;  // CUDA_VISIBLE_DEVICES
  std::optional<std::string> device_order;     // CUDA_DEVICE_ORDER
};

struct VisibleGpus {
  std::vector<bool> visible;  // [i]: of the GPU at that place
  // False: they are named by number in an order that CUDA alone knows; then all count as visible.
  bool known = true;
};

// By CUDA's rules: names of UUIDs may be cut short, and behind one that names no GPU, or several,
// nothing counts. A part of a GPU (MIG) stands for its GPU. Numbers are places in `gpus` where CUDA
// counts by bus, which it says by CUDA_DEVICE_ORDER or does by itself where all GPUs are alike.
//
// `gpus`: all that this process may use, by bus. `gpu_of_mig`: the UUID of a part's GPU, "" = none.
[[nodiscard]] VisibleGpus visible_gpus(
    const std::vector<GpuIdentity>& gpus, const CudaEnvironment& cuda,
    const std::function<std::string(const std::string& mig)>& gpu_of_mig);

}  // namespace muster
