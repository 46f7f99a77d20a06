// SPDX-License-Identifier: Apache-2.0
#include "measuring/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace muster {

using Milliseconds = std::chrono::duration<double, std::milli>;

void LatencyHistogram::record(std::chrono::nanoseconds duration) noexcept {
  const auto length = std::max(duration, std::chrono::nanoseconds{0});
  ++counts_[bucket_of(static_cast<std::uint64_t>(length.count()))];
  ++count_;
  sum_ += length;
  largest_ = std::max(largest_, length);
}

void LatencyHistogram::add(const LatencyHistogram& other) noexcept {
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket)
    counts_[bucket] += other.counts_[bucket];
  count_ += other.count_;
  sum_ += other.sum_;
  largest_ = std::max(largest_, other.largest_);
}

Milliseconds LatencyHistogram::mean() const noexcept {
  if (count_ == 0) return Milliseconds{0};
  return Milliseconds(sum_) / static_cast<double>(count_);
}

Milliseconds LatencyHistogram::percentile(double percent) const noexcept {
  if (count_ == 0) return Milliseconds{0};
  const auto rank =
      static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_)));
  const std::uint64_t wanted = std::clamp<std::uint64_t>(rank, 1, count_);
  // The last rank is known better than by its bucket.
  if (wanted == count_) return largest_;
  std::uint64_t passed = 0;
  std::size_t bucket = 0;
  while ((passed += counts_[bucket]) < wanted)
    ++bucket;
  const double nanoseconds = std::min(middle_of(bucket), static_cast<double>(largest_.count()));
  return Milliseconds(nanoseconds / 1e6);
}

std::size_t LatencyHistogram::bucket_of(std::uint64_t nanoseconds) noexcept {
  const auto width = static_cast<int>(std::bit_width(nanoseconds));
  if (width <= kExactBits) return nanoseconds;
  // The leading kExactBits bits, the first of which is 1.
  const int shift = width - kExactBits;
  return kHalf * static_cast<std::size_t>(shift) + (nanoseconds >> shift);
}

double LatencyHistogram::middle_of(std::size_t bucket) noexcept {
  if (bucket < 2 * kHalf) return static_cast<double>(bucket);
  const std::size_t shift = bucket / kHalf - 1;
  const std::uint64_t lowest = static_cast<std::uint64_t>(bucket - shift * kHalf) << shift;
  const std::uint64_t widest = (std::uint64_t{1} << shift) - 1;
  return static_cast<double>(lowest) + static_cast<double>(widest) / 2;
}

}  // namespace muster
