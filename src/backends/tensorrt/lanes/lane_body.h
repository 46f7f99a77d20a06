// SPDX-License-Identifier: Apache-2.0
// LaneBody: the parts of a lane that are made together and renewed together.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"
#include "base/clock.h"

namespace muster::tensorrt {

// In the order in which they are made; they end the other way round.
struct LaneBody {
  Stream stream;
  Event done;
  std::vector<PinnedMemory> host;     // by port
  std::vector<DeviceMemory> device;   // by port; empty where the port is on the host
  DeviceMemory activations;           // empty where lanes share
  std::unique_ptr<EngineContext> context;
  int profile = -1;
  std::map<std::int64_t, Graph> graphs;  // by rows that are run
  Clock::TimePoint made_at = {};
  std::uint64_t batches = 0;
};

}  // namespace muster::tensorrt
