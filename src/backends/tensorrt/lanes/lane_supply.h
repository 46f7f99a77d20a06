// SPDX-License-Identifier: Apache-2.0
// LaneSupply: makes the bodies of lanes, with their graphs, ahead of when they are needed, and
// renews those that are old, on a thread of its own. Any thread; one for each loaded model.
//
// A lane asks between two batches whether a fresh body is there and swaps: that costs a mutex, and
// no batch waits for a body that is being made.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "backends/tensorrt/lanes/lane_body.h"
#include "backends/tensorrt/lanes/lane_plan.h"
#include "backends/tensorrt/options.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace muster::tensorrt {

struct RenewalLimits {
  Clock::Duration max_age{0};
  std::uint64_t max_batches = 0;
};
// Pure: whether a body has served for long enough.
[[nodiscard]] bool is_due(const LaneBody& body, const RenewalLimits& limits, Clock::TimePoint now);

class LaneSupply {
 public:
  // All outlive it.
  LaneSupply(Device& device, const Engine& engine, LanePlan plan, RunOptions options, Clock& clock);
  LaneSupply(const LaneSupply&) = delete;
  LaneSupply& operator=(const LaneSupply&) = delete;
  ~LaneSupply();

  // The first body of a lane; blocks until it is made, graphs included.
  [[nodiscard]] Result<std::unique_ptr<LaneBody>> take_first();
  // A fresh one where `old` is due and one is there, which is then the lane's; else `old` itself,
  // and where it is due a fresh one is begun. What cannot be made is told of once, in the log.
  [[nodiscard]] std::unique_ptr<LaneBody> renewed(std::unique_ptr<LaneBody> old);
  // What a lane lets go of, freed on the supply's thread.
  void give_back(std::unique_ptr<LaneBody> body);

  [[nodiscard]] Device& device() const noexcept { return device_; }
  [[nodiscard]] const Engine& engine() const noexcept { return engine_; }
  [[nodiscard]] const LanePlan& plan() const noexcept { return plan_; }
  [[nodiscard]] const RunOptions& options() const noexcept { return options_; }
  [[nodiscard]] Clock& clock() const noexcept { return clock_; }
  [[nodiscard]] std::uint64_t device_bytes() const noexcept;  // of all bodies that there are

 private:
  [[nodiscard]] Result<std::unique_ptr<LaneBody>> make_body();
  void work();

  Device& device_;
  const Engine& engine_;
  const LanePlan plan_;
  const RunOptions options_;
  Clock& clock_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::unique_ptr<LaneBody>> fresh_ MUSTER_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<LaneBody>> spent_ MUSTER_GUARDED_BY(mutex_);
  int wanted_ MUSTER_GUARDED_BY(mutex_) = 0;
  bool ending_ MUSTER_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace muster::tensorrt
