// SPDX-License-Identifier: Apache-2.0
// RateLimit: how much of something a client may do in a second, a second's worth of it at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include <muster/inference.h>

namespace muster {

class RateLimit {
 public:
  // 0 = no limit.
  RateLimit(std::size_t a_second, TimePoint now) noexcept
      : a_second_(a_second), left_(a_second), filled_at_(now) {}

  // Once more. `now()` is asked only where what was left has been used. False: too often.
  template <typename Now>
  [[nodiscard]] bool take(Now now) {
    if (a_second_ == 0) return true;
    if (left_ == 0) fill(now());
    if (left_ == 0) return false;
    --left_;
    return true;
  }
  // Something was done that takes some of it.
  void credit(std::size_t times) noexcept { left_ = std::min(left_ + times, a_second_); }

 private:
  void fill(TimePoint now) noexcept {
    using Seconds = std::chrono::duration<double>;
    const double passed = Seconds(now - filled_at_).count();
    filled_at_ = now;
    left_ = static_cast<std::size_t>(std::clamp(passed, 0.0, 1.0) * static_cast<double>(a_second_));
  }

  std::size_t a_second_;
  std::size_t left_;
  TimePoint filled_at_;
};

}  // namespace muster
