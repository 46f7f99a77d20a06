// SPDX-License-Identifier: Apache-2.0
// LatencyHistogram: any number of durations in constant memory, for percentiles.
//
// Whole nanoseconds up to 255 have a bucket each; longer ones share one with those that differ by
// less than 1/128, so that a percentile is right to 0.4 %. Mean and largest are exact. One thread.
// Recording takes no memory and no time worth the name.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace muster {

class LatencyHistogram {
 public:
  // Negative durations count as 0.
  void record(std::chrono::nanoseconds duration) noexcept;

  // All that another one recorded.
  void add(const LatencyHistogram& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::chrono::nanoseconds sum() const noexcept { return sum_; }
  // These three: 0 where nothing was recorded.
  [[nodiscard]] std::chrono::duration<double, std::milli> mean() const noexcept;
  [[nodiscard]] std::chrono::nanoseconds largest() const noexcept { return largest_; }
  // The nearest rank; `percent` is above 0 and up to 100.
  [[nodiscard]] std::chrono::duration<double, std::milli> percentile(double percent) const noexcept;

 private:
  static constexpr int kExactBits = 8;  // durations below 2^8 ns have buckets of their own
  static constexpr std::size_t kHalf = std::size_t{1} << (kExactBits - 1);
  // One full row for the exact ones, then half a row for each further power of two up to 2^63.
  static constexpr std::size_t kBuckets = kHalf * (2 + (63 - kExactBits));

  static std::size_t bucket_of(std::uint64_t nanoseconds) noexcept;
  static double middle_of(std::size_t bucket) noexcept;

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds sum_{0};
  std::chrono::nanoseconds largest_{0};
};

}  // namespace muster
