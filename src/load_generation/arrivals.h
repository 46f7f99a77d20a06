// SPDX-License-Identifier: Apache-2.0
// Arrivals: the moments at which requests are meant to be sent, of which none depends on what was
// answered. The same for the same seed.
#pragma once

#include <cstdint>
#include <random>

#include "base/clock.h"

namespace muster {

// A Poisson process of one rate, or of two between which it changes by itself. It begins calm.
struct ArrivalRates {
  static constexpr Clock::Duration kAlways = Clock::Duration::max();

  double calm_per_second = 1000;   // above 0
  double burst_per_second = 1000;  // likewise
  // Above 0, in the mean; exponentially distributed.
  Clock::Duration calm_length = kAlways;  // there are no bursts
  Clock::Duration burst_length = kAlways;

  [[nodiscard]] static ArrivalRates steady(double per_second) noexcept {
    return {per_second, per_second};
  }
  // So many a second in the mean: a third of the time twice as many, else half as many.
  [[nodiscard]] static ArrivalRates in_bursts(double per_second, Clock::Duration length) noexcept {
    return {per_second / 2, per_second * 2, 2 * length, length};
  }
};

class Arrivals {
 public:
  Arrivals(const ArrivalRates& rates, Clock::TimePoint start, std::uint32_t seed)
      : rates_(rates), random_(seed), next_(start) {
    if (rates.calm_length != ArrivalRates::kAlways)
      changes_ = start + random_time(rates.calm_length);
    advance();
  }

  [[nodiscard]] Clock::TimePoint next() const noexcept { return next_; }
  void advance() {
    while (true) {
      const double per_second = is_burst_ ? rates_.burst_per_second : rates_.calm_per_second;
      const Clock::TimePoint next =
          next_ + random_time(std::chrono::duration<double>(1 / per_second));
      if (next < changes_) {
        next_ = next;
        return;
      }
      // The process has no memory: what comes after the change does not depend on this gap.
      next_ = changes_;
      is_burst_ = !is_burst_;
      changes_ += random_time(is_burst_ ? rates_.burst_length : rates_.calm_length);
    }
  }

 private:
  // Exponentially distributed.
  Clock::Duration random_time(std::chrono::duration<double> mean) {
    return std::chrono::duration_cast<Clock::Duration>(mean * unit_(random_));
  }

  const ArrivalRates rates_;
  std::mt19937 random_;
  std::exponential_distribution<double> unit_{1};
  bool is_burst_ = false;
  Clock::TimePoint changes_ = Clock::kForever;
  Clock::TimePoint next_;
};

}  // namespace muster
