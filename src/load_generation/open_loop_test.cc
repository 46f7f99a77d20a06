// SPDX-License-Identifier: Apache-2.0
#include "load_generation/open_loop.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "load_generation/arrivals.h"
#include "load_generation/testing/fake_target.h"
#include "measuring/testing/fake_usage.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class OpenLoopTest : public testing::Test {
 protected:
  Result<LoadMeasurement> run(FakeTarget& target, const OpenLoop& loop) {
    return run_open_loop(target, loop, clock_, {usage_});
  }
  static FakeTarget::Script always(Clock::Duration after) {
    return [=](std::size_t) { return FakeTarget::Reply{after}; };
  }
  // The moments that a loop with this rate has, from now on.
  std::vector<Clock::TimePoint> moments(double per_second, Clock::Duration duration) {
    std::vector<Clock::TimePoint> all;
    const Clock::TimePoint end = clock_.now() + duration;
    for (Arrivals next(ArrivalRates::steady(per_second), clock_.now(), OpenLoop{}.seed);
         next.next() < end; next.advance())
      all.push_back(next.next());
    return all;
  }

  FakeClock clock_;
  FakeUsage usage_;
};

TEST_F(OpenLoopTest, sends_when_it_is_meant_to_whatever_the_server_does) {
  const auto meant = moments(1000, seconds(1));
  FakeTarget target(clock_, 4096, always(milliseconds(900)));
  const auto measured = run(target, {1000, 1, {}, seconds(1)});
  ASSERT_TRUE(measured.ok()) << measured.status().to_string();
  EXPECT_EQ(target.asked, meant);
  EXPECT_EQ(measured->answered(), meant.size());
  EXPECT_EQ(measured->waited, 0U);
  EXPECT_EQ(measured->delay.largest(), Clock::Duration{0});
}

TEST_F(OpenLoopTest, comes_at_random_with_the_rate_as_their_mean) {
  const auto meant = moments(1000, seconds(100));
  EXPECT_NEAR(static_cast<double>(meant.size()), 100000, 4 * std::sqrt(100000.0));
  // Of gaps that are exponentially distributed, 1/e are longer than the mean.
  std::size_t longer = 0;
  for (std::size_t i = 1; i < meant.size(); ++i)
    longer += meant[i] - meant[i - 1] > milliseconds(1) ? 1U : 0U;
  EXPECT_NEAR(static_cast<double>(longer) / static_cast<double>(meant.size()), std::exp(-1), 0.01);
}

// The proof against coordinated omission: a server that stands still for half a second once.
TEST_F(OpenLoopTest, counts_from_the_intended_time_where_the_server_stands_still) {
  const Clock::TimePoint begin = clock_.now();
  const auto answer_at = [this, begin](std::size_t) {
    const Clock::TimePoint still_until = begin + milliseconds(500);
    return FakeTarget::Reply{std::max(still_until, clock_.now()) - clock_.now() + milliseconds(1)};
  };
  const auto meant = moments(100, seconds(1));
  FakeTarget target(clock_, 1, answer_at);
  const auto measured = run(target, {100, 1, {}, seconds(1)});
  ASSERT_TRUE(measured.ok());
  ASSERT_EQ(measured->answered(), meant.size());
  // All that were meant within the first half waited for its end, also those that were sent later.
  std::size_t expected_long = 0;
  Clock::Duration first_wait = begin + milliseconds(501) - meant.front();
  for (const Clock::TimePoint moment : meant)
    expected_long += begin + milliseconds(500) - moment >= milliseconds(100) ? 1U : 0U;
  EXPECT_EQ(measured->latency.largest(), first_wait);
  const double percent =
      100.0 * static_cast<double>(meant.size() - expected_long) / static_cast<double>(meant.size());
  EXPECT_GE(measured->latency.percentile(percent + 2).count(), 99);
  EXPECT_GT(measured->waited, expected_long / 2);
}

TEST_F(OpenLoopTest, leaves_out_what_was_meant_in_the_warm_up) {
  const auto all = moments(500, seconds(3));
  const Clock::TimePoint begin = clock_.now() + seconds(1);
  const auto counted =
      std::ranges::count_if(all, [&](Clock::TimePoint moment) { return moment >= begin; });
  FakeTarget target(clock_, 64, always(milliseconds(5)));
  const auto measured = run(target, {500, 1, seconds(1), seconds(2)});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(measured->answered(), static_cast<std::uint64_t>(counted));
  EXPECT_EQ(target.asked.size(), all.size());
}

TEST_F(OpenLoopTest, tells_the_rate_of_a_server_that_cannot_keep_up) {
  // One at a time, 10 ms each: 100 a second of the 200 that come.
  FakeTarget target(clock_, 1, always(milliseconds(10)));
  const auto measured = run(target, {200, 1, {}, seconds(2)});
  ASSERT_TRUE(measured.ok());
  EXPECT_NEAR(measured->items_per_second(), 100, 5);
  EXPECT_GT(measured->elapsed, seconds(3));
  EXPECT_GT(measured->waited, measured->answered() * 9 / 10);
}

TEST_F(OpenLoopTest, tells_how_late_the_client_itself_was) {
  FakeTarget target(clock_, 64, always(milliseconds(50)));
  target.oversleep = milliseconds(3);
  const auto measured = run(target, {20, 1, {}, seconds(5)});
  ASSERT_TRUE(measured.ok());
  EXPECT_NEAR(measured->delay.percentile(99).count(), 3, 0.1);
  // It is a part of the latency.
  EXPECT_GT(measured->latency.percentile(90).count(), 52.5);
}

TEST_F(OpenLoopTest, gives_up_what_waits_for_a_slot_or_an_answer_for_too_long) {
  FakeTarget target(clock_, 1,
                    [](std::size_t) -> std::optional<FakeTarget::Reply> { return std::nullopt; });
  const auto meant = moments(100, milliseconds(500));
  const auto measured = run(target, {100, 1, {}, milliseconds(500), milliseconds(300)});
  ASSERT_TRUE(measured.ok()) << measured.status().to_string();
  EXPECT_EQ(measured->answered(), 0U);
  EXPECT_EQ(measured->failed, meant.size());
}

TEST_F(OpenLoopTest, counts_what_is_late) {
  FakeTarget target(clock_, 64, [](std::size_t n) {
    return FakeTarget::Reply{milliseconds(n % 2 == 0 ? 5 : 20)};
  });
  OpenLoop loop{100, 1, {}, seconds(2)};
  loop.deadline = milliseconds(10);
  const auto measured = run(target, loop);
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(measured->late, measured->answered() / 2);
}

}  // namespace
}  // namespace muster
