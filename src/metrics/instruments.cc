// SPDX-License-Identifier: Apache-2.0
#include "metrics/instruments.h"

namespace muster {
namespace {

using std::chrono::nanoseconds;

std::size_t bucket_of(nanoseconds length) noexcept {
  return static_cast<std::size_t>(std::ranges::lower_bound(kDurationBounds, length) -
                                  kDurationBounds.begin());
}

nanoseconds at_least_0(nanoseconds length) noexcept {
  return std::max(length, nanoseconds(0));
}

}  // namespace

void DurationTotal::add(nanoseconds sum, std::uint64_t count) noexcept {
  count_.add(count);
  nanoseconds_.add(static_cast<std::uint64_t>(at_least_0(sum).count()));
}

void DurationTally::record(nanoseconds length) noexcept {
  ++buckets_[bucket_of(length)];
  nanoseconds_ += at_least_0(length).count();
}

void DurationHistogram::record(nanoseconds length) noexcept {
  buckets_[bucket_of(length)].add();
  nanoseconds_.add(static_cast<std::uint64_t>(at_least_0(length).count()));
}

void DurationHistogram::add(const DurationTally& tally) noexcept {
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (tally.buckets_[i] > 0) buckets_[i].add(tally.buckets_[i]);
  }
  nanoseconds_.add(static_cast<std::uint64_t>(tally.nanoseconds_));
}

DurationHistogram::Snapshot DurationHistogram::snapshot() const noexcept {
  Snapshot snapshot;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    count += buckets_[i].value();
    snapshot.cumulative[i] = count;
  }
  snapshot.total = nanoseconds(static_cast<std::int64_t>(nanoseconds_.value()));
  return snapshot;
}

std::map<std::int64_t, std::uint64_t> SizeHistogram::counts() const {
  std::map<std::int64_t, std::uint64_t> counts;
  sizes_.for_each([&](std::int64_t size, const Counter& count) {
    if (count.value() > 0) counts[size] += count.value();
  });
  return counts;
}

}  // namespace muster
