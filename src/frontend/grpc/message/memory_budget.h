// SPDX-License-Identifier: Apache-2.0
// MemoryBudget: what the messages of all connections may take together (--max-grpc-bytes). Whoever
// takes memory for one asks first, and is refused where there is none left.
#pragma once

#include <atomic>
#include <cstddef>

namespace muster {

// Any thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) noexcept : limit_(limit) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    std::size_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit_ || taken > limit_ - bytes) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::size_t bytes) noexcept { taken_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t taken() const noexcept {
    return taken_.load(std::memory_order_relaxed);
  }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> taken_{0};
};

}  // namespace muster
