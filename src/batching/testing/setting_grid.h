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

// Of the twelve settings of delay and batch size: an eighth, a quarter, a half of the largest batch
// and all of it; delays of 0, 0.1 and 0.3 of the target. What counts is what is answered in time,
// however much else is answered late.
struct GridBest {
  std::size_t in_time = 0;
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
      best = {outcome.in_time, rows, part * world.target_ms};
    }
  }
  return best;
}

// What a target's answers in time are held against, as a part of the better of both grids. The best
// of twelve is in part the luckiest of twelve, by as much as the same setting gets with two seeds
// of the runs' noise; a target has one try.
inline constexpr double kLeastOfGrid = 0.99;

[[nodiscard]] inline GridBest best_of_grids(const World& world, const Arrivals& arrivals,
                                            std::uint64_t seed) {
  const GridBest without = best_of_grid(world, arrivals, false, seed);
  const GridBest with = best_of_grid(world, arrivals, true, seed);
  return with.in_time > without.in_time ? with : without;
}

}  // namespace muster::testing
