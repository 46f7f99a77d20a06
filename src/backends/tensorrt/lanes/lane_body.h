// SPDX-License-Identifier: Apache-2.0
// LaneBody: the parts of a lane that are made together and renewed together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"
#include "base/clock.h"

namespace muster::tensorrt {

// An output whose size is found while it runs: its memory grows, and stays for later runs.
class GrowingOutput final : public OutputRoom {
 public:
  explicit GrowingOutput(Device& device) noexcept : device_(&device) {}

  // Before a run: forgets the last one's shape and frees what was outgrown.
  void begin() noexcept;
  void* reserve(std::size_t size) noexcept override;
  void shaped(const Shape& shape) noexcept override;

  // After a run: why there was no room; ok where there was.
  [[nodiscard]] const Status& failure() const noexcept { return failure_; }
  // Pinned memory of at least `bytes`, which must be there in the device's memory as well.
  [[nodiscard]] Result<void*> host_room(std::size_t bytes);
  [[nodiscard]] bool is_shaped() const noexcept { return shaped_; }
  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] const DeviceMemory& memory() const noexcept { return memory_; }

 private:
  Device* device_;
  DeviceMemory memory_;
  std::vector<DeviceMemory> outgrown_;  // the run under way may still write there
  PinnedMemory host_;
  Shape shape_;
  bool shaped_ = false;
  Status failure_;
};

// A context and what it is set to.
struct ContextSetting {
  std::unique_ptr<EngineContext> context;
  int profile = -1;
  std::vector<Shape> shapes;       // by port; empty = it is to be set
  std::vector<std::size_t> bytes;  // by port; 0 where the output grows
};

// A graph stands for the state that its context was in, so that each batch size has a context of
// its own, which is never set to another. Graphs end before it.
struct CapturedSize {
  ContextSetting setting;
  Graph whole;   // copies in, engine, copies out; none where lanes compute in order
  Graph engine;  // the engine alone: where inputs come from the device, or it computes in turn
};

// In the order in which they are made; they end the other way round.
struct LaneBody {
  Stream stream;
  Event done;
  std::vector<PinnedMemory> host;    // by port; empty where the output grows
  std::vector<DeviceMemory> device;  // by port; empty where the port is on the host, or grows
  std::vector<std::unique_ptr<GrowingOutput>> growing;  // by port; null elsewhere
  DeviceMemory activations;                             // empty where lanes share
  ContextSetting plain;                                 // for what has no graph
  std::map<std::int64_t, CapturedSize> graphs;  // by rows that are run; 0 = shapes are fixed
  Clock::TimePoint made_at = {};
  std::uint64_t made_bytes = 0;  // of the device, when it was made
  std::uint64_t batches = 0;
  bool ran_out = false;  // a run found no memory

  // Of the device's memory, as far as it is known.
  [[nodiscard]] std::uint64_t device_bytes() const noexcept;
};

}  // namespace muster::tensorrt
