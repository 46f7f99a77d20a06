// SPDX-License-Identifier: Apache-2.0
#include "metrics/instruments.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using Counts = std::map<std::int64_t, std::uint64_t>;

TEST(Counter, counts_from_0) {
  Counter counter;
  EXPECT_EQ(counter.value(), 0U);
  counter.add();
  counter.add(5);
  counter.add(0);
  EXPECT_EQ(counter.value(), 6U);
}

TEST(Counter, loses_nothing_that_many_threads_add) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j)
        counter.add();
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(counter.value(), 4000U);
}

TEST(SizeHistogram, has_no_counts_from_the_start) {
  EXPECT_TRUE(SizeHistogram().counts().empty());
}

TEST(SizeHistogram, counts_small_sizes_exactly) {
  SizeHistogram histogram;
  for (const std::int64_t size : {1, 1, 32, 255, 256, 0})
    histogram.record(size);
  EXPECT_EQ(histogram.counts(), (Counts{{0, 1}, {1, 2}, {32, 1}, {255, 1}, {256, 1}}));
}

TEST(SizeHistogram, counts_large_sizes_under_their_power_of_two) {
  SizeHistogram histogram;
  for (const std::int64_t size : {511, 512, 513, 1023, 1024, 65536})
    histogram.record(size);
  EXPECT_EQ(histogram.counts(), (Counts{{256, 1}, {512, 3}, {1024, 1}, {65536, 1}}));
}

TEST(SizeHistogram, adds_257_to_511_to_what_is_exactly_256) {
  SizeHistogram histogram;
  histogram.record(256);
  histogram.record(257);
  EXPECT_EQ(histogram.counts(), (Counts{{256, 2}}));
}

TEST(SizeHistogram, takes_the_extremes) {
  SizeHistogram histogram;
  histogram.record(std::numeric_limits<std::int64_t>::max());
  histogram.record(std::numeric_limits<std::int64_t>::min());
  histogram.record(-1);
  EXPECT_EQ(histogram.counts(), (Counts{{0, 2}, {std::int64_t{1} << 62, 1}}));
}

TEST(BySize, keeps_one_slot_for_each_exact_size_and_each_power_above) {
  BySize<Counter> sizes;
  sizes.at(3).add(2);
  sizes.at(256).add(4);
  sizes.at(511).add(8);
  std::vector<std::pair<std::int64_t, std::uint64_t>> seen;
  sizes.for_each([&](std::int64_t size, const Counter& count) {
    if (count.value() > 0) seen.emplace_back(size, count.value());
  });
  EXPECT_EQ(seen,
            (std::vector<std::pair<std::int64_t, std::uint64_t>>{{3, 2}, {256, 4}, {256, 8}}));
}

TEST(Gauge, has_the_value_that_was_set_last) {
  Gauge gauge;
  EXPECT_EQ(gauge.value(), 0);
  gauge.set(7);
  gauge.set(-3);
  EXPECT_EQ(gauge.value(), -3);
}

TEST(DurationTotal, adds_sums_of_many_durations) {
  DurationTotal total;
  total.add(microseconds(5));
  total.add(microseconds(10), 3);
  total.add(microseconds(-10));
  EXPECT_EQ(total.count(), 5U);
  EXPECT_EQ(total.total(), microseconds(15));
}

TEST(DurationHistogram, has_buckets_from_50_us_to_10_s_in_ascending_order) {
  EXPECT_EQ(kDurationBounds.front(), microseconds(50));
  EXPECT_EQ(kDurationBounds.back(), std::chrono::seconds(10));
  EXPECT_TRUE(std::ranges::is_sorted(kDurationBounds, std::ranges::less_equal()));
}

TEST(DurationHistogram, counts_a_bound_into_its_own_bucket) {
  for (std::size_t i = 0; i < kDurationBounds.size(); ++i) {
    DurationHistogram histogram;
    histogram.record(kDurationBounds[i]);
    histogram.record(kDurationBounds[i] + nanoseconds(1));
    const auto cumulative = histogram.snapshot().cumulative;
    EXPECT_EQ(cumulative[i], 1U);
    EXPECT_EQ(cumulative[i + 1], 2U);
    EXPECT_EQ(i == 0 ? 0U : cumulative[i - 1], 0U);
  }
}

TEST(DurationHistogram, takes_the_extremes) {
  DurationHistogram histogram;
  histogram.record(nanoseconds::min());
  histogram.record(nanoseconds(0));
  histogram.record(nanoseconds::max());
  const auto snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.cumulative.front(), 2U);
  EXPECT_EQ(snapshot.cumulative[kDurationBounds.size() - 1], 2U);
  EXPECT_EQ(snapshot.count(), 3U);
  EXPECT_EQ(snapshot.total, nanoseconds::max());
}

TEST(DurationHistogram, gets_the_same_from_a_tally_as_one_by_one) {
  DurationHistogram one_by_one;
  DurationHistogram tallied;
  DurationTally tally;
  for (int us = -1; us < 2000; us += 7) {
    one_by_one.record(microseconds(us));
    tally.record(microseconds(us));
  }
  tallied.add(tally);
  EXPECT_EQ(tallied.snapshot().cumulative, one_by_one.snapshot().cumulative);
  EXPECT_EQ(tallied.total(), one_by_one.total());
  EXPECT_EQ(tally.total(), one_by_one.total());
}

}  // namespace
}  // namespace muster
