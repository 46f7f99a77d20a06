// SPDX-License-Identifier: Apache-2.0
// The steps of a run in a lane's stream, one by one: what a graph is captured from, and what is
// done where there is none.
#pragma once

#include <cstddef>
#include <span>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"
#include "backends/tensorrt/lanes/lane_body.h"
#include "backends/tensorrt/lanes/lane_plan.h"
#include "base/mutex.h"

namespace muster::tensorrt {

// Where lanes share activations: lets their computing begin in the order of the calls, each when
// the one before has ended. Any thread.
class ComputeTurn {
 public:
  // `device` outlives it.
  ComputeTurn(Device& device, DeviceMemory activations, Event last) noexcept
      : device_(device), activations_(std::move(activations)), last_(std::move(last)) {}

  template <typename Issue>
  Status take(const Stream& stream, Issue issue) {
    const MutexLock lock(mutex_);
    MUSTER_RETURN_IF_ERROR(device_.hold(stream, last_));
    Status issued = issue();
    // Whatever came of it, a part may be under way, and the next has to wait for that.
    Status recorded = device_.record(last_, stream);
    return issued.ok() ? recorded : issued;
  }
  [[nodiscard]] const DeviceMemory& activations() const noexcept { return activations_; }

 private:
  Device& device_;
  const DeviceMemory activations_;
  Mutex mutex_;
  const Event last_;
};

// What the steps work on.
struct LaneParts {
  Device& device;
  const Engine& engine;
  const LanePlan& plan;
  ComputeTurn* turn;  // null where lanes compute at the same time
};

// Sets the context to inputs of these shapes: profile, shapes, memory of every port. Does nothing
// where it is set to them. kInvalidArgument where no profile takes them, kResourceExhausted where
// the lane has no room for what comes out.
Status set_context(const LaneParts& parts, LaneBody& body, ContextSetting& setting,
                   std::span<const Shape> inputs);

// Whole inputs and outputs of the batch that the context is set to, but for those that grow.
Status copy_inputs(const LaneParts& parts, const LaneBody& body, const ContextSetting& setting);
Status copy_outputs(const LaneParts& parts, const LaneBody& body, const ContextSetting& setting);

// The engine's run, by its graph where that is not null, in turn where lanes share activations.
Status compute(const LaneParts& parts, const LaneBody& body, const ContextSetting& setting,
               const Graph* graph);

// Makes the context and the graphs for batches of `inputs`. Nothing is left in the stream. Only for
// shapes that have no growing outputs.
[[nodiscard]] Result<CapturedSize> capture(const LaneParts& parts, LaneBody& body,
                                           std::span<const Shape> inputs);

}  // namespace muster::tensorrt
