// SPDX-License-Identifier: Apache-2.0
// CudaDevice: a GPU behind CUDA's runtime library.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <muster/status.h>

#include "backends/tensorrt/device/device.h"

namespace muster::tensorrt {

// kFailedPrecondition where there is no driver, no GPU or none of that number, in words that say
// what to do. To be called before anything of TensorRT: without a driver that ends the process.
// Takes nothing of the GPU yet: that begins with use_on_this_thread.
[[nodiscard]] Result<std::unique_ptr<Device>> open_cuda_device(int index);
[[nodiscard]] Result<int> cuda_device_count();

// The calling thread's calls go to that device from now on: 0, or a cudaError_t. Whoever calls CUDA
// says it so, and nowhere by CUDA itself, as lanes remember what their thread uses. From then on
// the thread takes no notice of CUDA graphs that other threads record.
[[nodiscard]] int use_cuda_device(int index) noexcept;

// What a CUDA error (a cudaError_t) is to us; ok for 0. Pure.
[[nodiscard]] Status status_of_cuda(int error, const std::string& what);

// Memory of another process by its handle; see Backend::open_region.
[[nodiscard]] Result<std::shared_ptr<const DeviceRegion>> open_cuda_region(
    std::span<const std::byte> handle, int device, std::size_t size);

}  // namespace muster::tensorrt
