// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/engine/budget_allocator.h"

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "base/log.h"

namespace muster::tensorrt {
namespace {

bool is_aligned(const void* address, std::uint64_t alignment) {
  return alignment == 0 || reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
}

void warn(const std::string& why) {
  log(LogLevel::kWarning, "tensorrt: no memory was given: " + why);
}

}  // namespace

void* BudgetAllocator::allocateAsync(std::uint64_t size, std::uint64_t alignment,
                                     nvinfer1::AllocatorFlags /*flags*/,
                                     cudaStream_t /*stream*/) noexcept {
  if (size == 0) return nullptr;
  try {
    {
      const MutexLock lock(mutex_);
      if (size > budget_ - bytes_) {
        warn(std::to_string(size) + " bytes pass the budget of " + std::to_string(budget_));
        return nullptr;
      }
      bytes_ += size;
    }
    // Not under the lock: it may take milliseconds.
    Result<DeviceMemory> memory = device_.allocate(size);
    const MutexLock lock(mutex_);
    if (!memory.ok() || !is_aligned(memory->get(), alignment)) {
      bytes_ -= size;
      warn(memory.ok() ? "none lies on a boundary of " + std::to_string(alignment) + " bytes"
                       : std::string(memory.status().message()));
      return nullptr;
    }
    void* const address = memory->get();
    taken_.emplace(address, std::move(memory).value());
    return address;
  } catch (const std::exception&) {
    return nullptr;  // no memory of the host
  }
}

bool BudgetAllocator::deallocateAsync(void* memory, cudaStream_t /*stream*/) noexcept {
  if (memory == nullptr) return true;
  DeviceMemory freed;
  {
    const MutexLock lock(mutex_);
    const auto found = taken_.find(memory);
    if (found == taken_.end()) return false;
    freed = std::move(found->second);
    taken_.erase(found);
    bytes_ -= freed.size();
  }
  return true;
}

std::uint64_t BudgetAllocator::bytes() const noexcept {
  const MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace muster::tensorrt
