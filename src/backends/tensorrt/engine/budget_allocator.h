// SPDX-License-Identifier: Apache-2.0
// BudgetAllocator: the device's memory that TensorRT takes for one model, counted, and refused
// beyond a budget. Any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <map>

#include <NvInferRuntime.h>

#include "backends/tensorrt/device/device.h"
#include "base/mutex.h"

namespace muster::tensorrt {

class BudgetAllocator final : public nvinfer1::IGpuAsyncAllocator {
 public:
  // `device` outlives it.
  explicit BudgetAllocator(Device& device,
                           std::uint64_t budget = std::numeric_limits<std::uint64_t>::max())
      : device_(device), budget_(budget) {}

  // Null where there is none, which TensorRT takes for "out of memory".
  void* allocateAsync(std::uint64_t size, std::uint64_t alignment, nvinfer1::AllocatorFlags flags,
                      cudaStream_t stream) noexcept override;
  // Waits until the device is done with it.
  bool deallocateAsync(void* memory, cudaStream_t stream) noexcept override;

  [[nodiscard]] std::uint64_t bytes() const noexcept;  // taken now

 private:
  Device& device_;
  const std::uint64_t budget_;
  mutable Mutex mutex_;
  std::uint64_t bytes_ MUSTER_GUARDED_BY(mutex_) = 0;
  std::map<void*, DeviceMemory> taken_ MUSTER_GUARDED_BY(mutex_);
};

}  // namespace muster::tensorrt
