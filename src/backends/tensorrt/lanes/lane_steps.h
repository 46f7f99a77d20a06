// SPDX-License-Identifier: Apache-2.0
// The steps of a run in a lane's stream, one by one: what a graph is captured from, and what is
// done where there is none.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"
#include "backends/tensorrt/lanes/lane_body.h"
#include "backends/tensorrt/lanes/lane_plan.h"
#include "base/mutex.h"

namespace muster::tensorrt {

// Lets lanes compute in turn: in the order of the calls, so many at the same time. The GPU waits,
// and no thread. Any thread.
class ComputeTurn {
 public:
  // `device` outlives it. `ends`: an event for each that computes at the same time, at least one.
  // `activations`: what all compute in, which is for one `end` alone; empty where each lane has its
  // own.
  ComputeTurn(Device& device, std::vector<Event> ends, DeviceMemory activations) noexcept
      : device_(device), activations_(std::move(activations)), ends_(std::move(ends)) {}

  template <typename Issue>
  Status take(const Stream& stream, Issue issue) {
    const MutexLock lock(mutex_);
    const Event& end = ends_[next_];  // of the one that was last in this place
    MUSTER_RETURN_IF_ERROR(device_.hold(stream, end));
    Status issued = issue();
    // Whatever came of it, a part may be under way, and the next has to wait for that.
    Status recorded = device_.record(end, stream);
    next_ = (next_ + 1) % ends_.size();
    return issued.ok() ? recorded : issued;
  }
  [[nodiscard]] bool is_shared() const noexcept { return static_cast<bool>(activations_); }
  [[nodiscard]] const DeviceMemory& activations() const noexcept { return activations_; }

 private:
  Device& device_;
  const DeviceMemory activations_;
  Mutex mutex_;
  const std::vector<Event> ends_;
  std::size_t next_ MUSTER_GUARDED_BY(mutex_) = 0;
};

// What the steps work on.
struct LaneParts {
  Device& device;
  const Engine& engine;
  const LanePlan& plan;
  ComputeTurn* turn;  // null where nothing computes in turn

  // Lanes that share activations have no choice.
  [[nodiscard]] ComputeTurn* turn_of_all() const noexcept {
    return turn != nullptr && turn->is_shared() ? turn : nullptr;
  }
};

// Sets the context to inputs of these shapes: profile, shapes, memory of every port. Does nothing
// where it is set to them. kInvalidArgument where no profile takes them, kResourceExhausted where
// the lane has no room for what comes out.
Status set_context(const LaneParts& parts, LaneBody& body, ContextSetting& setting,
                   std::span<const Shape> inputs);

// Whole inputs and outputs of the batch that the context is set to, but for those that grow.
Status copy_inputs(const LaneParts& parts, const LaneBody& body, const ContextSetting& setting);
Status copy_outputs(const LaneParts& parts, const LaneBody& body, const ContextSetting& setting);

// The engine's run, by its graph where that is not null, in turn where `turn` is not null.
Status compute(const LaneParts& parts, const LaneBody& body, const ContextSetting& setting,
               const Graph* graph, ComputeTurn* turn);

// Makes the context and the graphs for batches of `inputs`. Nothing is left in the stream. Only for
// shapes that have no growing outputs.
[[nodiscard]] Result<CapturedSize> capture(const LaneParts& parts, LaneBody& body,
                                           std::span<const Shape> inputs);

}  // namespace muster::tensorrt
