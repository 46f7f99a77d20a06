// SPDX-License-Identifier: Apache-2.0
// The rate of answers that come in whole batches, where a batch takes a good part of the time.
#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/clock.h"

namespace muster {

// Answers a second from the last that came up to `begin` (where there is none: from `start`, when
// the first requests were sent) to the last that came up to `end`: as all answers of a batch come
// together, from the end of one batch to the end of another. `times`: of all answers, ascending. 0
// where none came between `begin` and `end`.
[[nodiscard]] inline double answers_per_second(const std::vector<Clock::TimePoint>& times,
                                               Clock::TimePoint start, Clock::TimePoint begin,
                                               Clock::TimePoint end) {
  const auto first = std::ranges::upper_bound(times, begin);
  const auto last = std::ranges::upper_bound(times, end);
  if (first >= last) return 0;
  const Clock::TimePoint since = first == times.begin() ? start : *std::prev(first);
  const std::chrono::duration<double> length = *std::prev(last) - since;
  return static_cast<double>(last - first) / length.count();
}

}  // namespace muster
