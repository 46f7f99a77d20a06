// SPDX-License-Identifier: Apache-2.0
// Clock: time as a parameter. Steady time only; code that waits for a moment waits on a Clock.
//
// Production uses steady_clock(); tests use FakeClock (base/testing), whose time moves by hand.
#pragma once

#include <chrono>

#include "base/mutex.h"

namespace muster {

class Clock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::nanoseconds;
  static constexpr TimePoint kForever = TimePoint::max();

  virtual ~Clock() = default;

  [[nodiscard]] virtual TimePoint now() noexcept = 0;
  // Releases `lock`, sleeps until `condition` is notified or `until` has come, and takes `lock`
  // again. kForever waits for the notification alone. May wake for no reason.
  virtual void wait_until(CondVar& condition, MutexLock& lock, TimePoint until) = 0;
};

// The machine's own; lives as long as the process.
[[nodiscard]] Clock& steady_clock() noexcept;

// `start + length`, or kForever where that would overflow.
[[nodiscard]] constexpr Clock::TimePoint add_saturating(Clock::TimePoint start,
                                                        Clock::Duration length) noexcept {
  if (length > Clock::kForever - start) return Clock::kForever;
  return start + length;
}

}  // namespace muster
