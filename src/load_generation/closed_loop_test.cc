// SPDX-License-Identifier: Apache-2.0
#include "load_generation/closed_loop.h"

#include <set>

#include <gtest/gtest.h>

#include "load_generation/testing/fake_target.h"
#include "measuring/testing/fake_usage.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ClosedLoopTest : public testing::Test {
 protected:
  Result<LoadMeasurement> run(FakeTarget& target, const ClosedLoop& loop,
                              AnswerCheck* check = nullptr) {
    return run_closed_loop(target, loop, clock_, {usage_}, check);
  }
  static FakeTarget::Script always(Clock::Duration after, Outcome outcome = Outcome::kAnswered) {
    return [=](std::size_t) { return FakeTarget::Reply{after, outcome, R"({"error":"no room"})"}; };
  }

  FakeClock clock_;
  FakeUsage usage_;
};

TEST_F(ClosedLoopTest, asks_again_when_answered_and_counts_within_its_duration) {
  FakeTarget target(clock_, 4, always(milliseconds(10)));
  const auto measured = run(target, {4, 2, milliseconds(100), seconds(1)});
  ASSERT_TRUE(measured.ok()) << measured.status().to_string();
  // 4 clients, each 100 times a second.
  EXPECT_NEAR(static_cast<double>(measured->answered()), 400, 4);
  EXPECT_DOUBLE_EQ(measured->latency.mean().count(), 10);
  EXPECT_EQ(measured->elapsed, seconds(1));
  EXPECT_NEAR(measured->items_per_second(), 800, 8);
  // What was asked within the time is waited for.
  EXPECT_EQ(clock_.now() - target.asked.front(), milliseconds(1110));
}

TEST_F(ClosedLoopTest, has_so_many_in_flight_and_no_more) {
  FakeTarget target(clock_, 8, always(milliseconds(10)));
  ASSERT_TRUE(run(target, {3, 1, {}, milliseconds(10)}).ok());
  const std::multiset<Clock::TimePoint> moments(target.asked.begin(), target.asked.end());
  EXPECT_EQ(moments.count(target.asked.front()), 3U);
}

TEST_F(ClosedLoopTest, counts_refusals_and_failures_apart_and_says_what_the_first_was) {
  FakeTarget target(clock_, 1, [](std::size_t n) {
    return FakeTarget::Reply{milliseconds(1),
                             n % 4 == 1   ? Outcome::kRefused
                             : n % 4 == 3 ? Outcome::kFailed
                                          : Outcome::kAnswered,
                             R"({"error":"the queue is full"})"};
  });
  const auto measured = run(target, {1, 1, {}, milliseconds(80)});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(measured->answered(), 40U);
  EXPECT_NEAR(static_cast<double>(measured->refused), 20, 1);
  EXPECT_NEAR(static_cast<double>(measured->failed), 20, 1);
  EXPECT_EQ(measured->first_failure, "the queue is full");
}

TEST_F(ClosedLoopTest, gives_up_what_is_not_answered_in_time) {
  FakeTarget target(clock_, 2, [](std::size_t n) -> std::optional<FakeTarget::Reply> {
    if (n == 0) return std::nullopt;
    return FakeTarget::Reply{milliseconds(10)};
  });
  const auto measured = run(target, {2, 1, {}, seconds(1), milliseconds(200)});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(measured->failed, 1U);
  EXPECT_NE(measured->first_failure.find("timeout"), std::string::npos);
  // The client goes on: 20 of its 100 rounds are lost.
  EXPECT_NEAR(static_cast<double>(measured->answered()), 180, 6);
}

TEST_F(ClosedLoopTest, ends_where_nothing_is_answered_any_more) {
  FakeTarget target(clock_, 2, always(Clock::Duration{0}, Outcome::kFailed));
  const auto measured = run(target, {2, 1, {}, seconds(1)});
  EXPECT_EQ(measured.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(measured.status().message().find("no room"), std::string::npos);
}

TEST_F(ClosedLoopTest, shows_every_answer_to_the_check) {
  class Counted final : public AnswerCheck {
   public:
    void check(const Answer&) override { ++count; }
    std::size_t count = 0;
  } counted;
  FakeTarget target(clock_, 1, always(milliseconds(10)));
  ASSERT_TRUE(run(target, {1, 1, milliseconds(50), milliseconds(100)}, &counted).ok());
  EXPECT_EQ(counted.count, target.asked.size());
}

TEST_F(ClosedLoopTest, refuses_a_concurrency_without_slots) {
  FakeTarget target(clock_, 2, always(milliseconds(10)));
  for (const int concurrency : {0, 3})
    EXPECT_EQ(run(target, {concurrency, 1, {}, seconds(1)}).status().code(),
              StatusCode::kInvalidArgument);
  EXPECT_TRUE(target.asked.empty());
}

}  // namespace
}  // namespace muster
