// SPDX-License-Identifier: Apache-2.0
// Counters and size histograms: what a folder counts while it works, read by others at any time.
//
// A folder defines a struct of the instruments it needs and is handed one; nothing is looked up by
// name. Writing takes no lock; reading is a snapshot that may trail by a moment.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>

namespace muster {

class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept {
    value_.fetch_add(amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Counts how often each size occurred: exactly up to kExactSizes, above it by powers of two, under
// the power's value.
class SizeHistogram {
 public:
  static constexpr std::int64_t kExactSizes = 256;

  void record(std::int64_t size) noexcept;
  // Size -> occurrences, only sizes that occurred.
  [[nodiscard]] std::map<std::int64_t, std::uint64_t> counts() const;

 private:
  static constexpr std::size_t kPowers = 63;
  std::array<Counter, kExactSizes + 1> exact_;
  std::array<Counter, kPowers> powers_;
};

}  // namespace muster
