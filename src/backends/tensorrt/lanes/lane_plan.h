// SPDX-License-Identifier: Apache-2.0
// LanePlan: how many lanes a model has and what each holds, by what the GPU has room for. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <muster/backend.h>

#include "backends/tensorrt/engine/engine.h"
#include "backends/tensorrt/options.h"

namespace muster::tensorrt {

struct PortRoom {
  std::size_t bytes = 0;  // for the largest batch that is planned; 0 = its size is found out
  bool on_host = false;
};

struct LanePlan {
  int lanes = 1;                      // of all instances together
  std::int64_t max_rows = 0;          // less than the profiles allow where memory is short
  std::size_t activation_bytes = 0;   // of one lane, or of all where they share
  std::vector<PortRoom> ports;
  std::uint64_t lane_bytes = 0;       // of the device, for each further lane
  std::vector<std::int64_t> ladder;   // batch sizes that have graphs
};

// Fewer lanes first, down to one an instance, then smaller batches; kResourceExhausted says what one
// lane of one row takes and what is free. A tenth of what is free, at least kSpareBytes, is left.
inline constexpr std::uint64_t kSpareBytes = std::uint64_t{256} << 20;
[[nodiscard]] Result<LanePlan> plan_lanes(const Engine& engine, const RunOptions& options,
                                          int instances, std::uint64_t free_bytes);

}  // namespace muster::tensorrt
