// SPDX-License-Identifier: Apache-2.0
// From what flags say to what the code takes.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/clock.h"

namespace muster {

[[nodiscard]] inline Clock::Duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::Duration>(std::chrono::duration<double>(seconds));
}

// The first of each.
template <typename T>
[[nodiscard]] std::vector<T> without_repetitions(const std::vector<T>& values) {
  std::vector<T> once;
  for (const T& value : values) {
    if (std::ranges::find(once, value) == once.end()) once.push_back(value);
  }
  return once;
}

}  // namespace muster
