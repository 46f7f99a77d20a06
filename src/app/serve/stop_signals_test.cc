// SPDX-License-Identifier: Apache-2.0
#include "app/serve/stop_signals.h"

#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

namespace muster {
namespace {

constexpr std::chrono::hours kLong{1};
// Of a limit that is lifted at once: no machine stands still for so long in that moment.
constexpr std::chrono::milliseconds kNotReached{2000};

void send(int signal) {
  ::kill(::getpid(), signal);
}

// Each statement runs in a process of its own, whose signals and end are its own.
TEST(StopSignalsDeathTest, wakes_who_waits_at_the_first_signal) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    EXPECT_EXIT(
        {
          const StopSignals signals(kLong);
          if (signals.is_asked()) ::_exit(8);
          send(signal);
          signals.wait();
          ::_exit(signals.is_asked() ? 7 : 9);
        },
        testing::ExitedWithCode(7), "");
  }
}

TEST(StopSignalsDeathTest, wakes_who_waits_when_it_is_asked_to) {
  EXPECT_EXIT(
      {
        StopSignals signals(kLong);
        signals.ask();
        signals.wait();
        ::_exit(7);
      },
      testing::ExitedWithCode(7), "");
}

TEST(StopSignalsDeathTest, ends_the_process_at_the_second_signal) {
  EXPECT_EXIT(
      {
        const StopSignals signals(kLong);
        send(SIGTERM);
        signals.wait();
        send(SIGINT);
        while (true)
          ::pause();
      },
      testing::ExitedWithCode(1), "a second signal; leaving at once");
}

TEST(StopSignalsDeathTest, ends_the_process_when_its_limit_is_over) {
  EXPECT_EXIT(
      {
        const StopSignals signals(std::chrono::milliseconds(1));
        send(SIGTERM);
        while (true)
          ::pause();
      },
      testing::ExitedWithCode(1), "stopping takes longer than it may");
}

TEST(StopSignalsDeathTest, ends_the_process_when_it_does_not_leave_in_time) {
  EXPECT_EXIT(
      {
        StopSignals signals(std::chrono::milliseconds(1));
        signals.leave_in_time();
        while (true)
          ::pause();
      },
      testing::ExitedWithCode(1), "stopping takes longer than it may; leaving at once");
}

TEST(StopSignalsDeathTest, ends_the_process_when_something_takes_longer_than_the_limit) {
  EXPECT_EXIT(
      {
        StopSignals signals(std::chrono::milliseconds(1));
        const StopSignals::Limit limit(signals, "this");
        while (true)
          ::pause();
      },
      testing::ExitedWithCode(1), "this takes longer than it may; leaving at once");
}

TEST(StopSignalsDeathTest, limits_what_is_limited_and_no_more) {
  EXPECT_EXIT(
      {
        StopSignals signals(kNotReached);
        { const StopSignals::Limit limit(signals, "this"); }
        const auto until = std::chrono::steady_clock::now() + kNotReached + kNotReached / 4;
        while (std::chrono::steady_clock::now() < until)
          std::this_thread::yield();
        ::_exit(7);
      },
      testing::ExitedWithCode(7), "");
}

TEST(StopSignalsDeathTest, lifts_no_limit_that_a_signal_set) {
  EXPECT_EXIT(
      {
        StopSignals signals(kNotReached);
        {
          const StopSignals::Limit limit(signals, "this");
          send(SIGTERM);
          signals.wait();
        }
        while (true)
          ::pause();
      },
      testing::ExitedWithCode(1), "stopping takes longer than it may");
}

TEST(StopSignalsDeathTest, lets_the_process_live_where_nobody_reads_what_it_writes) {
  EXPECT_EXIT(
      {
        const StopSignals signals(kLong);
        send(SIGPIPE);
        ::_exit(7);
      },
      testing::ExitedWithCode(7), "");
}

TEST(StopSignalsDeathTest, ends_without_a_signal) {
  EXPECT_EXIT(
      {
        { const StopSignals signals(kLong); }
        ::_exit(7);
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace muster
