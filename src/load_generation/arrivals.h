// SPDX-License-Identifier: Apache-2.0
// PoissonArrivals: the moments at which requests are meant to be sent, of which none depends on
// what was answered. The same for the same seed.
#pragma once

#include <cstdint>
#include <random>

#include "base/clock.h"

namespace muster {

class PoissonArrivals {
 public:
  // `per_second`: on average, above 0.
  PoissonArrivals(double per_second, Clock::TimePoint start, std::uint32_t seed)
      : random_(seed), gap_(per_second), next_(start) {
    advance();
  }

  [[nodiscard]] Clock::TimePoint next() const noexcept { return next_; }
  void advance() {
    next_ +=
        std::chrono::duration_cast<Clock::Duration>(std::chrono::duration<double>(gap_(random_)));
  }

 private:
  std::mt19937 random_;
  std::exponential_distribution<double> gap_;  // seconds
  Clock::TimePoint next_;
};

}  // namespace muster
