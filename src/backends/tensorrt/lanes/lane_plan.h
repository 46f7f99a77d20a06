// SPDX-License-Identifier: Apache-2.0
// LanePlan: how many lanes a model has and what each holds, by what the GPU has room for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <muster/backend.h>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"
#include "backends/tensorrt/options.h"

namespace muster::tensorrt {

struct PortRoom {
  std::size_t bytes = 0;  // for the largest batch that is planned; 0 = its size is found out
  bool on_host = false;
};

struct LanePlan {
  int lanes = 1;                     // of all instances together
  std::int64_t min_rows = 0;         // 0 = the first axis of some input counts no rows
  std::int64_t max_rows = 0;         // less than the profiles allow where memory is short
  bool fills = false;                // batches may be filled up: every output has as many rows
  std::size_t activation_bytes = 0;  // of one lane, or of all where they share
  std::vector<PortRoom> ports;
  std::uint64_t lane_bytes = 0;      // of the device, for each further lane
  std::vector<std::int64_t> ladder;  // batch sizes that have graphs; {0}: all shapes are fixed
};

// Lanes of an instance where the options say nothing: one more for each so many bytes of a row, as
// a lane does not compute while its rows are gathered.
inline constexpr int kUsualLanes = 3;
inline constexpr int kMostUsualLanes = 6;
inline constexpr std::size_t kRowBytesOfALane = std::size_t{256} << 10;
// Pure. `row_bytes`: of all inputs together.
[[nodiscard]] int usual_lanes(std::size_t row_bytes) noexcept;

// Fewer lanes first, down to one an instance, then smaller batches; kResourceExhausted says what
// one lane of the smallest batch takes and what is free. A tenth of what is free, at least
// kSpareBytes, is left. Makes a context to ask it for sizes; `device` is in use on this thread.
inline constexpr std::uint64_t kSpareBytes = std::uint64_t{256} << 20;
[[nodiscard]] Result<LanePlan> plan_lanes(Device& device, const Engine& engine,
                                          const RunOptions& options, int instances);

}  // namespace muster::tensorrt
