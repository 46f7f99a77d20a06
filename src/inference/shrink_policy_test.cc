// SPDX-License-Identifier: Apache-2.0
#include "inference/shrink_policy.h"

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"

namespace muster {
namespace {

// How many of `runs` runs with `bytes` are told to give memory back.
int count_due(ShrinkPolicy& policy, std::size_t bytes, int runs) {
  int due = 0;
  for (int i = 0; i < runs; ++i)
    due += policy.due(bytes) ? 1 : 0;
  return due;
}

TEST(ShrinkPolicy, never_shrinks_under_a_steady_load) {
  FakeClock clock;
  ShrinkPolicy policy(clock);
  EXPECT_EQ(count_due(policy, 1000, 10'000), 0);
}

TEST(ShrinkPolicy, shrinks_once_when_batches_stay_small) {
  FakeClock clock;
  ShrinkPolicy policy(clock);
  EXPECT_FALSE(policy.due(1000));
  EXPECT_EQ(count_due(policy, 10, ShrinkPolicy::kSmallRuns - 1), 0);
  EXPECT_TRUE(policy.due(10));
  EXPECT_EQ(count_due(policy, 10, 10'000), 0);
}

TEST(ShrinkPolicy, keeps_what_a_large_batch_now_and_then_needs) {
  FakeClock clock;
  ShrinkPolicy policy(clock);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(policy.due(1000));
    EXPECT_EQ(count_due(policy, 10, ShrinkPolicy::kSmallRuns - 1), 0);
  }
}

TEST(ShrinkPolicy, pauses_between_two_times) {
  FakeClock clock;
  ShrinkPolicy policy(clock);
  EXPECT_FALSE(policy.due(1000));
  EXPECT_EQ(count_due(policy, 10, ShrinkPolicy::kSmallRuns), 1);
  EXPECT_FALSE(policy.due(1000));
  EXPECT_EQ(count_due(policy, 10, 10 * ShrinkPolicy::kSmallRuns), 0);
  clock.advance(ShrinkPolicy::kPause);
  EXPECT_TRUE(policy.due(10));
}

}  // namespace
}  // namespace muster
