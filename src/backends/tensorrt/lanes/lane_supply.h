// SPDX-License-Identifier: Apache-2.0
// LaneSupply: makes the bodies of lanes, with their graphs, ahead of when they are needed, and
// renews those that are old, on a thread of its own. Any thread; one for each loaded model.
//
// A lane asks between two batches whether a fresh body is there and swaps: that costs a mutex, and
// no batch waits for a body that is being made.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "backends/tensorrt/lanes/lane_body.h"
#include "backends/tensorrt/lanes/lane_plan.h"
#include "backends/tensorrt/lanes/lane_steps.h"
#include "backends/tensorrt/options.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace muster::tensorrt {

struct RenewalLimits {
  Clock::Duration max_age{0};
  std::uint64_t max_batches = 0;
};
// Pure: whether a body has served for long enough, or found no memory for a run.
[[nodiscard]] bool is_due(const LaneBody& body, const RenewalLimits& limits, Clock::TimePoint now);

// After a body that could not be made, or for one that found no memory, none is begun for so long.
inline constexpr std::chrono::seconds kRetryRenewalAfter{60};

class LaneSupply {
 public:
  // All outlive it. `device` is in use on this thread.
  static Result<std::unique_ptr<LaneSupply>> make(Device& device, const Engine& engine,
                                                  LanePlan plan, RunOptions options, Clock& clock);
  LaneSupply(const LaneSupply&) = delete;
  LaneSupply& operator=(const LaneSupply&) = delete;
  // All lanes have ended.
  ~LaneSupply();

  // The first body of a lane; blocks until it is made, graphs included, where none is left over.
  [[nodiscard]] Result<std::unique_ptr<LaneBody>> take_first();
  // A fresh one where `old` is due and one is there, which is then the lane's; else `old` itself,
  // and where it is due a fresh one is begun. What cannot be made is told of once, in the log.
  [[nodiscard]] std::unique_ptr<LaneBody> renewed(std::unique_ptr<LaneBody> old);
  // What a lane lets go of: kept for the next lane, or freed on the supply's thread where it is
  // due.
  void give_back(std::unique_ptr<LaneBody> body);

  [[nodiscard]] Device& device() const noexcept { return device_; }
  [[nodiscard]] const Engine& engine() const noexcept { return engine_; }
  [[nodiscard]] const LanePlan& plan() const noexcept { return plan_; }
  [[nodiscard]] const RunOptions& options() const noexcept { return options_; }
  [[nodiscard]] Clock& clock() const noexcept { return clock_; }
  [[nodiscard]] LaneParts parts() const noexcept { return {device_, engine_, plan_, turn_.get()}; }
  // Returns when nothing is being made or freed on the supply's thread.
  void await_quiet();
  // Of all bodies that there are, as they were made, and of what they share.
  [[nodiscard]] std::uint64_t device_bytes() const noexcept;

 private:
  LaneSupply(Device& device, const Engine& engine, LanePlan plan, RunOptions options,
             std::unique_ptr<ComputeTurn> turn, Clock& clock);
  [[nodiscard]] Result<std::unique_ptr<LaneBody>> make_body();
  [[nodiscard]] Status make_rooms(LaneBody& body) const;
  [[nodiscard]] Status capture_sizes(LaneBody& body);
  void work();
  void make_fresh();

  Device& device_;
  const Engine& engine_;
  const LanePlan plan_;
  const RunOptions options_;
  const RenewalLimits limits_;
  const std::unique_ptr<ComputeTurn> turn_;  // null where nothing computes in turn
  Clock& clock_;
  std::atomic<bool> captures_{true};  // false: a capture failed, and none is tried again
  std::atomic<std::uint64_t> body_bytes_{0};

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::unique_ptr<LaneBody>> fresh_ MUSTER_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<LaneBody>> spent_ MUSTER_GUARDED_BY(mutex_);
  bool wanted_ MUSTER_GUARDED_BY(mutex_) = false;  // a fresh one, from the thread
  bool busy_ MUSTER_GUARDED_BY(mutex_) = false;    // the thread makes or frees one
  bool told_ MUSTER_GUARDED_BY(mutex_) = false;    // that none could be made
  Clock::TimePoint not_before_ MUSTER_GUARDED_BY(mutex_) = {};
  bool ending_ MUSTER_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace muster::tensorrt
