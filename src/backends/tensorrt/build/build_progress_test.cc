// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/build/build_progress.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"

namespace muster::tensorrt {
namespace {

using std::chrono::seconds;

struct Build {
  FakeClock clock;
  BuildProgress progress{clock};
};

TEST(BuildProgress, knows_nothing_at_first) {
  Build test;
  EXPECT_EQ(test.progress.now().phase, "");
  EXPECT_EQ(test.progress.now().done, 0);
  EXPECT_FALSE(test.progress.now().left.has_value());
}

TEST(BuildProgress, counts_inner_phases_as_a_step_of_their_parent) {
  Build test;
  test.progress.phase_started("Building", "", 4);
  test.progress.step_done("Building", 0);
  EXPECT_DOUBLE_EQ(test.progress.now().done, 0.25);
  test.progress.phase_started("Timing", "Building", 2);
  EXPECT_EQ(test.progress.now().phase, "Timing");
  test.progress.phase_started("Kernels", "Timing", 10);
  test.progress.step_done("Kernels", 4);
  EXPECT_DOUBLE_EQ(test.progress.now().done, (1 + 0.5 / 2) / 4);
  test.progress.phase_ended("Kernels");
  EXPECT_EQ(test.progress.now().phase, "Timing");
  test.progress.step_done("Timing", 0);
  EXPECT_DOUBLE_EQ(test.progress.now().done, (1 + 0.5) / 4);
}

TEST(BuildProgress, never_goes_back) {
  Build test;
  test.progress.phase_started("Building", "", 2);
  test.progress.phase_started("Timing", "Building", 10);
  test.progress.step_done("Timing", 8);
  EXPECT_DOUBLE_EQ(test.progress.now().done, 0.45);
  // Ended early, and its parent has not said yet that the step is done.
  test.progress.phase_ended("Timing");
  EXPECT_DOUBLE_EQ(test.progress.now().done, 0.45);
  test.progress.phase_started("Timing", "Building", 10);
  test.progress.step_done("Timing", 0);
  EXPECT_DOUBLE_EQ(test.progress.now().done, 0.45);
  test.progress.step_done("Building", 1);
  test.progress.step_done("Building", 0);
  EXPECT_DOUBLE_EQ(test.progress.now().done, 1);
  test.progress.phase_ended("Building");
  EXPECT_DOUBLE_EQ(test.progress.now().done, 1);
}

TEST(BuildProgress, tells_what_is_left_by_the_pace_so_far) {
  Build test;
  test.progress.phase_started("Building", "", 100);
  test.clock.advance(seconds(4));
  test.progress.step_done("Building", 3);
  EXPECT_FALSE(test.progress.now().left.has_value());
  test.clock.advance(seconds(1));
  test.progress.step_done("Building", 4);
  EXPECT_EQ(test.progress.now().left, seconds(95));
  test.clock.advance(seconds(25));
  test.progress.step_done("Building", 49);
  EXPECT_EQ(test.progress.now().left, seconds(30));
  test.progress.step_done("Building", 99);
  EXPECT_EQ(test.progress.now().left, seconds(0));
}

TEST(BuildProgress, tells_nothing_of_what_is_left_where_one_step_takes_most_of_the_time) {
  Build test;
  test.progress.phase_started("Building", "", 16);
  test.clock.advance(seconds(7));
  test.progress.step_done("Building", 0);
  // What follows is done at once, but for the last step but two.
  for (int step = 1; step < 13; ++step)
    test.progress.step_done("Building", step);
  EXPECT_DOUBLE_EQ(test.progress.now().done, 13.0 / 16);
  EXPECT_FALSE(test.progress.now().left.has_value());
  test.progress.phase_started("Measuring", "Building", 1000);
  test.clock.advance(seconds(80));
  test.progress.step_done("Measuring", 10);
  EXPECT_FALSE(test.progress.now().left.has_value());
}

TEST(BuildProgress, tells_nothing_any_more_once_a_step_takes_long) {
  Build test;
  test.progress.phase_started("Building", "", 10);
  for (int step = 0; step < 6; ++step) {
    test.clock.advance(seconds(2));
    test.progress.step_done("Building", step);
  }
  EXPECT_EQ(test.progress.now().left, seconds(8));
  test.clock.advance(seconds(4));
  EXPECT_TRUE(test.progress.now().left.has_value());
  test.clock.advance(seconds(1));
  EXPECT_FALSE(test.progress.now().left.has_value());
}

TEST(BuildProgress, stays_within_its_bounds_whatever_it_is_told) {
  Build test;
  test.progress.step_done("nothing", 3);
  test.progress.phase_ended("nothing");
  test.progress.phase_started("Odd", "Odd", 0);
  test.progress.step_done("Odd", -5);
  EXPECT_EQ(test.progress.now().done, 0);
  test.progress.step_done("Odd", 1000);
  EXPECT_EQ(test.progress.now().done, 1);
  for (int i = 0; i < 1000; ++i)
    test.progress.phase_started("Phase " + std::to_string(i), "Odd", 1);
  EXPECT_EQ(test.progress.now().phase, "Phase " + std::to_string(kMaxOpenPhases - 2));
  EXPECT_LE(test.progress.now().done, 1);
}

}  // namespace
}  // namespace muster::tensorrt
