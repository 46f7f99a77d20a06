// SPDX-License-Identifier: Apache-2.0
#include "load_generation/sample_sender.h"

#include <map>

#include <gtest/gtest.h>

#include "load_generation/testing/fake_target.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SampleSenderTest : public testing::Test {
 protected:
  SampleSender sender(FakeTarget& target) {
    return {target, 2, milliseconds(500), clock_,
            [this](SampleSender::Sample sample) { ++done_[sample]; }};
  }
  Status finish(SampleSender& sender) {
    while (!sender.idle())
      MUSTER_RETURN_IF_ERROR(sender.turn(seconds(10)));
    return {};
  }

  FakeClock clock_;
  std::map<SampleSender::Sample, int> done_;
};

TEST_F(SampleSenderTest, finishes_every_sample_once_with_as_many_in_flight_as_there_are_slots) {
  FakeTarget target(clock_, 3, [](std::size_t) { return FakeTarget::Reply{milliseconds(10)}; });
  SampleSender samples = sender(target);
  const Clock::TimePoint begin = clock_.now();
  for (SampleSender::Sample sample = 1; sample <= 9; ++sample)
    samples.add(sample, begin);
  ASSERT_TRUE(finish(samples).ok());
  EXPECT_EQ(done_.size(), 9U);
  for (const auto& [sample, count] : done_)
    EXPECT_EQ(count, 1) << sample;
  EXPECT_EQ(clock_.now() - begin, milliseconds(30));
  EXPECT_EQ(samples.measured().answered(), 9U);
  EXPECT_EQ(samples.measured().waited, 6U);
  // Latencies begin when a sample was added, not when it was sent.
  EXPECT_EQ(samples.measured().latency.largest(), milliseconds(30));
  EXPECT_EQ(samples.measured().delay.largest(), Clock::Duration{0});
}

TEST_F(SampleSenderTest, finishes_what_is_refused_or_fails_and_counts_it) {
  FakeTarget target(clock_, 2, [](std::size_t n) {
    return FakeTarget::Reply{milliseconds(1), n == 0 ? Outcome::kRefused : Outcome::kFailed, "no"};
  });
  SampleSender samples = sender(target);
  samples.add(1, clock_.now());
  samples.add(2, clock_.now());
  ASSERT_TRUE(finish(samples).ok());
  EXPECT_EQ(done_.size(), 2U);
  EXPECT_EQ(samples.measured().refused, 1U);
  EXPECT_EQ(samples.measured().failed, 1U);
}

TEST_F(SampleSenderTest, gives_up_what_is_not_answered) {
  FakeTarget target(clock_, 1,
                    [](std::size_t) -> std::optional<FakeTarget::Reply> { return std::nullopt; });
  SampleSender samples = sender(target);
  samples.add(7, clock_.now());
  ASSERT_TRUE(finish(samples).ok());
  EXPECT_EQ(done_.at(7), 1);
  EXPECT_EQ(samples.measured().failed, 1U);
}

TEST_F(SampleSenderTest, finishes_all_at_once_when_the_server_has_gone) {
  FakeTarget target(clock_, 4, [](std::size_t) {
    return FakeTarget::Reply{Clock::Duration{0}, Outcome::kFailed, "gone"};
  });
  SampleSender samples = sender(target);
  const SampleSender::Sample count = kMostFailuresInARow + 500;
  for (SampleSender::Sample sample = 1; sample <= count; ++sample)
    samples.add(sample, clock_.now());
  EXPECT_EQ(finish(samples).code(), StatusCode::kUnavailable);
  EXPECT_EQ(done_.size(), count);
  // And so do those that come later.
  samples.add(count + 1, clock_.now());
  EXPECT_EQ(samples.turn(seconds(1)).code(), StatusCode::kUnavailable);
  EXPECT_EQ(done_.size(), count + 1);
  EXPECT_LE(target.asked.size(), kMostFailuresInARow + 4);
}

TEST_F(SampleSenderTest, is_idle_behind_a_failure_although_some_were_never_answered) {
  FakeTarget target(clock_, 4, [](std::size_t n) -> std::optional<FakeTarget::Reply> {
    if (n < 2) return std::nullopt;
    return FakeTarget::Reply{Clock::Duration{0}, Outcome::kFailed, "gone"};
  });
  SampleSender samples = sender(target);
  const SampleSender::Sample count = kMostFailuresInARow + 500;
  for (SampleSender::Sample sample = 1; sample <= count; ++sample)
    samples.add(sample, clock_.now());
  EXPECT_FALSE(samples.idle());
  EXPECT_EQ(finish(samples).code(), StatusCode::kUnavailable);
  EXPECT_TRUE(samples.idle());
  EXPECT_EQ(done_.size(), count);
  for (const auto& [sample, times] : done_)
    EXPECT_EQ(times, 1) << sample;
  // One that comes later is not done before its turn.
  samples.add(count + 1, clock_.now());
  EXPECT_FALSE(samples.idle());
  EXPECT_EQ(samples.turn(seconds(1)).code(), StatusCode::kUnavailable);
  EXPECT_TRUE(samples.idle());
}

}  // namespace
}  // namespace muster
