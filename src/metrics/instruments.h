// SPDX-License-Identifier: Apache-2.0
// Counters, gauges and histograms of sizes and durations: what a folder counts while it works, read
// by others at any time.
//
// A folder defines a struct of the instruments it needs and is handed one; nothing is looked up by
// name. Writing takes no lock; reading is a snapshot that may trail by a moment, and instruments
// that are written one after the other may be read in between.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
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

// A value that goes up and down. Who sets it knows it.
class Gauge {
 public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> value_{0};
};

// How many durations there were, and their sum.
class DurationTotal {
 public:
  // `sum`: of `count` durations. Negative ones are taken for 0.
  void add(std::chrono::nanoseconds sum, std::uint64_t count = 1) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_.value(); }
  [[nodiscard]] std::chrono::nanoseconds total() const noexcept {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds_.value()));
  }

 private:
  Counter count_;
  Counter nanoseconds_;
};

// The upper bounds of a DurationHistogram's buckets, inclusive; one more bucket takes what is
// longer.
inline constexpr auto kDurationBounds = std::to_array<std::chrono::microseconds>({
    std::chrono::microseconds{50},
    std::chrono::microseconds{100},
    std::chrono::microseconds{250},
    std::chrono::microseconds{500},
    std::chrono::microseconds{1'000},
    std::chrono::microseconds{2'500},
    std::chrono::microseconds{5'000},
    std::chrono::microseconds{10'000},
    std::chrono::microseconds{25'000},
    std::chrono::microseconds{50'000},
    std::chrono::microseconds{100'000},
    std::chrono::microseconds{250'000},
    std::chrono::microseconds{500'000},
    std::chrono::microseconds{1'000'000},
    std::chrono::microseconds{2'500'000},
    std::chrono::microseconds{5'000'000},
    std::chrono::microseconds{10'000'000},
});

// Durations of one batch, counted by one thread and added to a histogram in one go: requests that
// travelled together mostly fall into one bucket, which then costs one addition and not one each.
class DurationTally {
 public:
  // Negative durations are taken for 0.
  void record(std::chrono::nanoseconds length) noexcept;
  [[nodiscard]] std::chrono::nanoseconds total() const noexcept {
    return std::chrono::nanoseconds(nanoseconds_);
  }

 private:
  friend class DurationHistogram;
  std::array<std::uint32_t, kDurationBounds.size() + 1> buckets_{};
  std::int64_t nanoseconds_ = 0;
};

class DurationHistogram {
 public:
  // Negative durations are taken for 0.
  void record(std::chrono::nanoseconds length) noexcept;
  void add(const DurationTally& tally) noexcept;

  struct Snapshot {
    // [i]: how many were no longer than kDurationBounds[i]; the last: all. So it never decreases,
    // and its last is the count.
    std::array<std::uint64_t, kDurationBounds.size() + 1> cumulative{};
    std::chrono::nanoseconds total{0};

    [[nodiscard]] std::uint64_t count() const noexcept { return cumulative.back(); }
  };
  [[nodiscard]] Snapshot snapshot() const noexcept;
  [[nodiscard]] std::uint64_t count() const noexcept { return snapshot().count(); }
  [[nodiscard]] std::chrono::nanoseconds total() const noexcept { return snapshot().total; }

 private:
  std::array<Counter, kDurationBounds.size() + 1> buckets_;
  Counter nanoseconds_;
};

// One T for each size: up to kExactSizes exactly, above it one for each power of two. Negative
// sizes count as 0.
template <typename T>
class BySize {
 public:
  static constexpr std::int64_t kExactSizes = 256;

  [[nodiscard]] T& at(std::int64_t size) noexcept { return slots_[slot_of(size)]; }
  // Calls visit(size, const T&) for each slot, sizes ascending. A power of two stands for the sizes
  // up to the next, 256 for 256 and, in a slot of its own, for 257 to 511.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < kExactSlots; ++i)
      visit(static_cast<std::int64_t>(i), slots_[i]);
    for (std::size_t i = kExactSlots; i < slots_.size(); ++i)
      visit(kExactSizes << (i - kExactSlots), slots_[i]);
  }

 private:
  static constexpr std::size_t kExactSlots = kExactSizes + 1;
  static constexpr std::size_t kPowers = 63 - 8;  // 2^8 to 2^62

  [[nodiscard]] static std::size_t slot_of(std::int64_t size) noexcept {
    if (size <= kExactSizes) return static_cast<std::size_t>(std::max<std::int64_t>(size, 0));
    return kExactSlots +
           static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(size))) - 1 - 8;
  }

  std::array<T, kExactSlots + kPowers> slots_;
};

// Counts how often each size occurred: exactly up to 256, above it by powers of two, under the
// power's value.
class SizeHistogram {
 public:
  void record(std::int64_t size) noexcept { sizes_.at(size).add(); }
  // Size -> occurrences, only sizes that occurred.
  [[nodiscard]] std::map<std::int64_t, std::uint64_t> counts() const;

 private:
  BySize<Counter> sizes_;
};

}  // namespace muster
