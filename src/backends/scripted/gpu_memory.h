// SPDX-License-Identifier: Apache-2.0
// GpuMemory: memory of GPUs that are not there, so that CUDA shared memory can be tried without
// one: GPU 0, where scripted models run, and GPU 1.
//
// A handle has CUDA's 64 bytes: the text "memory NAME SIZE", as if some process had allocated SIZE
// bytes, and zeros behind it. All who have opened the same handle share the same bytes; they are
// zeros at first, and gone with the last of them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <muster/backend.h>

#include "base/mutex.h"

namespace muster::scripted {

inline constexpr std::size_t kHandleBytes = 64;
inline constexpr int kGpus = 2;
inline constexpr std::size_t kMaxAllocation = std::size_t{16} << 20;

class GpuMemory {
 public:
  // As Backend::open_region. Any thread.
  [[nodiscard]] Result<std::shared_ptr<const DeviceRegion>> open(std::span<const std::byte> handle,
                                                                 int device, std::size_t size);

 private:
  struct Allocation {
    explicit Allocation(std::size_t size) : bytes(size) {}
    Mutex mutex;
    std::vector<std::byte> bytes;  // read by sessions without the lock, as a GPU would
  };
  class Region;

  Mutex mutex_;
  std::map<std::string, std::weak_ptr<Allocation>> allocations_ MUSTER_GUARDED_BY(mutex_);
};

}  // namespace muster::scripted
