// SPDX-License-Identifier: Apache-2.0
// What settings of delay and batch size make of the same arrivals: what a latency target is held
// against.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "batching/testing/target_simulation.h"

namespace muster::testing {

// The best of the twelve settings of delay and batch size: an eighth, a quarter, a half of the
// largest batch and all of it; delays of 0, 0.1 and 0.3 of the target. What counts is what is
// answered in time, however much else is answered late.
struct GridBest {
  std::size_t in_time = 0;
  double late_percent = 0;  // of those that were run
  std::int64_t max_rows = 0;
  double delay_ms = 0;
};

// `timeouts`: the queue's timeout leaves a full batch time to run, as whoever tunes with care sets
// it. Otherwise each request has the target as its deadline, which is the time to be taken by.
[[nodiscard]] inline GridBest best_of_grid(const World& world, const Arrivals& arrivals,
                                           bool timeouts, std::uint64_t seed) {
  GridBest best;
  for (const std::int64_t divisor : {8, 4, 2, 1}) {
    for (const double part : {0.0, 0.1, 0.3}) {
      QueueOptions options = options_for(world);
      options.limits.max_rows = std::max<std::int64_t>(1, world.max_rows / divisor);
      options.limits.max_queue_delay = us_of(part * world.target_ms);
      const double left = world.target_ms - 1.12 * world.cost_ms(options.limits.max_rows);
      if (timeouts && left <= 0) continue;
      if (timeouts) options.levels.front().timeout = us_of(left);
      const std::int64_t rows = options.limits.max_rows;
      const Outcome outcome =
          TargetSimulation(world, arrivals, std::move(options), !timeouts, seed).run();
      if (outcome.in_time <= best.in_time) continue;
      best = {outcome.in_time, outcome.late_percent(), rows, part * world.target_ms};
    }
  }
  return best;
}

// What a target's answers in time are held against, as a part of the best of the twelve settings of
// delay and batch size, and of the best of these and the twelve with a timeout. The best of so many
// is in part the luckiest, by as much as the same setting gets with two seeds of the runs' noise; a
// target has one try. Where no timeout is needed for a setting to be good, luck is small: nearly
// all is in time.
inline constexpr double kLeastOfGrid = 0.999;
inline constexpr double kLeastOfTimedGrid = 0.99;

}  // namespace muster::testing
