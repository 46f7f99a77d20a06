// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"

namespace muster {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;

constexpr Clock::TimePoint kStart{hours(1)};

TEST(AddSaturating, adds_what_fits) {
  EXPECT_EQ(add_saturating(kStart, nanoseconds(5)), kStart + nanoseconds(5));
  EXPECT_EQ(add_saturating(kStart, nanoseconds(0)), kStart);
}

TEST(AddSaturating, takes_a_negative_length) {
  EXPECT_EQ(add_saturating(kStart, -nanoseconds(5)), kStart - nanoseconds(5));
}

TEST(AddSaturating, reaches_the_end_of_time_and_no_further) {
  EXPECT_EQ(add_saturating(kStart, nanoseconds::max()), Clock::kForever);
  EXPECT_EQ(add_saturating(kStart, Clock::kForever - kStart), Clock::kForever);
  EXPECT_EQ(add_saturating(kStart, Clock::kForever - kStart - nanoseconds(1)),
            Clock::kForever - nanoseconds(1));
  EXPECT_EQ(add_saturating(Clock::kForever, nanoseconds(0)), Clock::kForever);
  EXPECT_EQ(add_saturating(Clock::kForever, nanoseconds(1)), Clock::kForever);
}

TEST(SteadyClock, never_goes_back) {
  Clock& clock = steady_clock();
  const Clock::TimePoint earlier = clock.now();
  EXPECT_GE(clock.now(), earlier);
}

TEST(SteadyClock, does_not_wait_for_a_moment_that_is_over) {
  Mutex mutex;
  CondVar condition;
  MutexLock lock(mutex);
  Clock& clock = steady_clock();
  const Clock::TimePoint over = clock.now() - hours(1);
  clock.wait_until(condition, lock, over);
  EXPECT_GT(clock.now(), over);
}

TEST(SteadyClock, wakes_who_waits_for_ever_by_notification) {
  Mutex mutex;
  CondVar condition;
  bool go = false;
  std::thread waiter([&] {
    MutexLock lock(mutex);
    while (!go)
      steady_clock().wait_until(condition, lock, Clock::kForever);
  });
  {
    const MutexLock lock(mutex);
    go = true;
    condition.notify_all();
  }
  waiter.join();
}

TEST(FakeClock, stands_still_until_it_is_moved) {
  FakeClock clock;
  const Clock::TimePoint before = clock.now();
  EXPECT_EQ(clock.now(), before);
  clock.advance(nanoseconds(7));
  EXPECT_EQ(clock.now(), before + nanoseconds(7));
}

TEST(FakeClock, wakes_only_those_whose_moment_has_come) {
  FakeClock clock;
  const Clock::TimePoint start = clock.now();
  Mutex mutexes[2];
  CondVar conditions[2];
  std::atomic<bool> awake[2] = {false, false};
  const auto sleep_until = [&](std::size_t i, Clock::TimePoint until) {
    MutexLock lock(mutexes[i]);
    while (clock.now() < until)
      clock.wait_until(conditions[i], lock, until);
    awake[i] = true;
  };
  std::thread early(sleep_until, 0, start + nanoseconds(10));
  std::thread late(sleep_until, 1, start + nanoseconds(20));
  clock.await_waiters(2);

  clock.advance(nanoseconds(9));
  EXPECT_FALSE(awake[0]);
  clock.advance(nanoseconds(1));
  early.join();
  EXPECT_TRUE(awake[0]);
  EXPECT_FALSE(awake[1]);
  clock.advance(hours(1));
  late.join();
  EXPECT_TRUE(awake[1]);
}

TEST(FakeClock, wakes_by_notification_without_moving) {
  FakeClock clock;
  const Clock::TimePoint before = clock.now();
  Mutex mutex;
  CondVar condition;
  bool go = false;
  std::thread waiter([&] {
    MutexLock lock(mutex);
    while (!go)
      clock.wait_until(condition, lock, Clock::kForever);
  });
  clock.await_waiters(1);
  {
    const MutexLock lock(mutex);
    go = true;
    condition.notify_all();
  }
  waiter.join();
  EXPECT_EQ(clock.now(), before);
}

TEST(FakeClock, does_not_wait_for_a_moment_that_is_over) {
  FakeClock clock;
  Mutex mutex;
  CondVar condition;
  MutexLock lock(mutex);
  clock.wait_until(condition, lock, clock.now());
  EXPECT_EQ(clock.waits(), 0U);
}

}  // namespace
}  // namespace muster
