// SPDX-License-Identifier: Apache-2.0
#include "measuring/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::nanoseconds;

double nanoseconds_at(const LatencyHistogram& histogram, double percent) {
  return histogram.percentile(percent).count() * 1e6;
}

TEST(LatencyHistogram, of_nothing_is_zero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.mean().count(), 0);
  EXPECT_EQ(histogram.percentile(99).count(), 0);
}

TEST(LatencyHistogram, is_exact_for_short_durations) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100; ++i)
    histogram.record(nanoseconds(i));
  EXPECT_DOUBLE_EQ(nanoseconds_at(histogram, 50), 50);
  EXPECT_DOUBLE_EQ(nanoseconds_at(histogram, 90), 90);
  EXPECT_DOUBLE_EQ(nanoseconds_at(histogram, 99), 99);
  EXPECT_DOUBLE_EQ(nanoseconds_at(histogram, 100), 100);
  EXPECT_DOUBLE_EQ(histogram.mean().count() * 1e6, 50.5);
}

TEST(LatencyHistogram, finds_the_nearest_rank_to_half_a_percent) {
  std::vector<std::int64_t> durations;
  LatencyHistogram histogram;
  std::uint64_t state = 7;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    // From nanoseconds to minutes, evenly over the powers of two.
    const auto duration = static_cast<std::int64_t>((state >> 27) >> (i % 37));
    durations.push_back(duration);
    histogram.record(nanoseconds(duration));
  }
  std::ranges::sort(durations);
  for (const double percent : {0.01, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * 20000));
    const auto exact = static_cast<double>(durations[rank - 1]);
    EXPECT_NEAR(nanoseconds_at(histogram, percent), exact, 0.004 * exact) << percent;
  }
}

TEST(LatencyHistogram, adds_up_to_what_one_would_have_recorded) {
  LatencyHistogram all;
  LatencyHistogram odd;
  LatencyHistogram even;
  for (int i = 1; i <= 100; ++i) {
    all.record(nanoseconds(i));
    (i % 2 == 0 ? even : odd).record(nanoseconds(i));
  }
  odd.add(even);
  EXPECT_EQ(odd.count(), 100U);
  EXPECT_EQ(odd.sum(), all.sum());
  EXPECT_EQ(odd.largest(), all.largest());
  for (const double percent : {1.0, 50.0, 90.0, 99.0})
    EXPECT_DOUBLE_EQ(nanoseconds_at(odd, percent), nanoseconds_at(all, percent)) << percent;
}

TEST(LatencyHistogram, takes_the_longest_and_the_impossible) {
  LatencyHistogram histogram;
  histogram.record(nanoseconds(-5));
  histogram.record(nanoseconds::max());
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_DOUBLE_EQ(nanoseconds_at(histogram, 50), 0);
  EXPECT_EQ(histogram.largest(), nanoseconds::max());
}

}  // namespace
}  // namespace muster
