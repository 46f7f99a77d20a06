// SPDX-License-Identifier: Apache-2.0
// The world of a workload with a latency target (batching/testing/target_world.h): what batches
// cost in it, and how requests come.
#pragma once

#include <algorithm>

#include "batching/testing/target_world.h"
#include "bench/workload.h"

namespace muster::bench {

// Of a burst's length, in the mean.
inline constexpr double kTargetsOfABurst = 4;

[[nodiscard]] inline testing::World world_of(const Workload& workload) {
  testing::World world;
  world.name = workload.name;
  world.fixed_ms = workload.fixed_us / 1000;
  world.per_row_ms = workload.per_row_us / 1000;
  world.max_rows = workload.batch;
  world.target_ms = static_cast<double>(workload.timeout_us) / 1000;
  world.runners = static_cast<std::size_t>(std::max(1, workload.instances));
  return world;
}

}  // namespace muster::bench
