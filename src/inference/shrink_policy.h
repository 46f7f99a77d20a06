// SPDX-License-Identifier: Apache-2.0
// When a session gives memory back: after a while of batches much smaller than before.
//
// Shrinking after every run, which the runtime offers, was measured to double the time of runs with
// changing shapes and to take more memory, not less (docs/backends.md has the numbers).
#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace muster {

class ShrinkPolicy {
 public:
  // Runs in a row that need less than half of the most seen, before memory is given back.
  static constexpr int kSmallRuns = 64;
  // At least this long between two times.
  static constexpr std::chrono::seconds kPause{10};

  explicit ShrinkPolicy(Clock& clock) : clock_(&clock) {}

  // Whether to give memory back with the run at hand, whose inputs have `bytes` in all.
  [[nodiscard]] bool due(std::size_t bytes) {
    if (bytes >= most_ / 2 || most_ == 0) {
      small_runs_ = 0;
      if (bytes > most_) most_ = bytes;
      return false;
    }
    if (++small_runs_ < kSmallRuns) return false;
    const Clock::TimePoint now = clock_->now();
    if (now < next_) return false;
    next_ = now + kPause;
    small_runs_ = 0;
    most_ = bytes;
    return true;
  }

 private:
  Clock* clock_;
  std::size_t most_ = 0;
  int small_runs_ = 0;
  Clock::TimePoint next_ = Clock::TimePoint::min();
};

}  // namespace muster
