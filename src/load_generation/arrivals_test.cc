// SPDX-License-Identifier: Apache-2.0
#include "load_generation/arrivals.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::seconds;

constexpr Clock::TimePoint kStart{std::chrono::hours(1)};

std::vector<Clock::TimePoint> moments(const ArrivalRates& rates, Clock::Duration duration,
                                      std::uint32_t seed = 28) {
  std::vector<Clock::TimePoint> all;
  for (Arrivals next(rates, kStart, seed); next.next() < kStart + duration; next.advance())
    all.push_back(next.next());
  return all;
}

// How many come in each second.
std::vector<int> by_second(const std::vector<Clock::TimePoint>& all, std::size_t length) {
  std::vector<int> counts(length);
  for (const Clock::TimePoint moment : all)
    ++counts.at(static_cast<std::size_t>((moment - kStart) / seconds(1)));
  return counts;
}

double share_over(const std::vector<int>& counts, int bound) {
  const auto over = std::ranges::count_if(counts, [&](int count) { return count > bound; });
  return static_cast<double>(over) / static_cast<double>(counts.size());
}

TEST(Arrivals, are_the_same_for_the_same_seed) {
  const auto rates = ArrivalRates::in_bursts(100, seconds(1));
  const auto some = moments(rates, seconds(100));
  EXPECT_EQ(some, moments(rates, seconds(100)));
  EXPECT_NE(some, moments(rates, seconds(100), 29));
  EXPECT_TRUE(std::ranges::is_sorted(some));
  EXPECT_GT(some.front(), kStart);
}

TEST(Arrivals, are_as_many_in_any_second_where_they_are_steady) {
  const auto all = by_second(moments(ArrivalRates::steady(100), seconds(10000)), 10000);
  double squares = 0;
  for (const int count : all)
    squares += (count - 100) * (count - 100);
  // Of a Poisson process the variance is the mean.
  EXPECT_NEAR(squares / 10000, 100, 5);
  EXPECT_LT(share_over(all, 150), 0.001);
}

TEST(Arrivals, are_twice_as_many_for_a_third_of_the_time_and_half_as_many_else) {
  const auto all =
      by_second(moments(ArrivalRates::in_bursts(100, seconds(10)), seconds(20000)), 20000);
  EXPECT_NEAR(share_over(all, 125), 1.0 / 3, 0.05);
  double sum = 0;
  double in_bursts = 0;
  int bursts = 0;
  for (const int count : all) {
    sum += count;
    if (count <= 125) continue;
    in_bursts += count;
    ++bursts;
  }
  EXPECT_NEAR(sum / 20000, 100, 7);
  // Less than twice and more than half by the seconds in which a burst begins or ends.
  EXPECT_NEAR(in_bursts / bursts, 195, 5);
  EXPECT_NEAR((sum - in_bursts) / (20000 - bursts), 53, 3);
}

TEST(Arrivals, begin_calm_and_stay_for_as_long_as_the_rates_say) {
  ArrivalRates rates{1, 100, seconds(100), seconds(100)};
  const auto all = by_second(moments(rates, seconds(20000)), 20000);
  EXPECT_LT(all.front(), 10);
  EXPECT_NEAR(share_over(all, 50), 0.5, 0.1);
  int changes = 0;
  for (std::size_t i = 1; i < all.size(); ++i)
    changes += (all[i] > 50) != (all[i - 1] > 50) ? 1 : 0;
  EXPECT_NEAR(changes, 200, 50);
}

}  // namespace
}  // namespace muster
