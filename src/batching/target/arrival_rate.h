// SPDX-License-Identifier: Apache-2.0
// ArrivalRate: how many rows have come a second, lately. What is longer ago counts less, by e for
// each `memory`.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "base/clock.h"

namespace muster {

// Of a model with a latency target: long enough to see a rate, short enough to follow a burst.
[[nodiscard]] constexpr Clock::Duration rate_memory(Clock::Duration latency_target) noexcept {
  return 2 * latency_target;
}

class ArrivalRate {
 public:
  explicit ArrivalRate(Clock::Duration memory) noexcept
      : memory_(std::max(1e-9, std::chrono::duration<double>(memory).count())) {}

  void record(std::int64_t rows, Clock::TimePoint now) noexcept {
    per_second_ = at(now) + static_cast<double>(rows) / memory_;
    newest_ = now;
  }
  // Rows a second.
  [[nodiscard]] double at(Clock::TimePoint now) const noexcept {
    return decayed(per_second_, now - newest_);
  }
  // A rate that nothing has been added to for `age`.
  [[nodiscard]] double decayed(double per_second, Clock::Duration age) const noexcept {
    if (age.count() <= 0) return per_second;
    return per_second * std::exp(-std::chrono::duration<double>(age).count() / memory_);
  }

 private:
  const double memory_;  // seconds
  double per_second_ = 0;
  Clock::TimePoint newest_{};
};

}  // namespace muster
