// SPDX-License-Identifier: Apache-2.0
// StopSignals: SIGTERM, SIGINT and SIGHUP as a wish to stop that one thread waits for.
//
// The first is the wish. A second ends the process at once with 1, and so does the limit when it
// has passed since the first, wherever the rest of the process is stuck by then. What could get
// stuck without a signal can be put under the limit as well.
#pragma once

#include <chrono>
#include <future>
#include <thread>

#include "base/mutex.h"

namespace muster {

class StopSignals {
 public:
  // Blocks the signals for the calling thread and all that it makes from now on, so make it before
  // them. SIGPIPE is ignored from then on: that somebody hung up is found where it is written to.
  explicit StopSignals(std::chrono::milliseconds limit);
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  // Returns when there was a signal.
  void wait() const { stop_.wait(); }
  // Whether there was one. Any thread.
  [[nodiscard]] bool is_asked() const {
    return stop_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  // As a signal would.
  void ask();

  // The process ends with 1 where one of these lives for longer than the limit. One at a time.
  class Limit {
   public:
    // "<what> takes longer than it may". Outlives this.
    Limit(StopSignals& signals, const char* what) : signals_(signals) {
      signals_.limit_from_now(what, false);
    }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;
    ~Limit() { signals_.lift_limit(); }

   private:
    StopSignals& signals_;
  };
  // The process has the limit to end, as after a signal, also if there is none. Any thread.
  void leave_in_time() { limit_from_now("stopping", true); }

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  static constexpr SteadyTime kNever = SteadyTime::max();

  void watch(std::promise<void> stop);
  void limit_from_now(const char* what, bool for_good);
  void lift_limit();
  void wake_watcher() const;
  // Both on the watcher's thread: milliseconds for poll(2), or the end; whether to go on.
  [[nodiscard]] int time_left();
  [[nodiscard]] bool goes_on();

  const std::chrono::milliseconds limit_;
  const int signals_;  // file descriptors
  const int wake_;
  Mutex mutex_;
  SteadyTime leave_at_ MUSTER_GUARDED_BY(mutex_) = kNever;
  const char* what_ MUSTER_GUARDED_BY(mutex_) = "";  // takes too long then
  bool for_good_ MUSTER_GUARDED_BY(mutex_) = false;  // that limit is not lifted any more
  bool ending_ MUSTER_GUARDED_BY(mutex_) = false;
  std::future<void> stop_;
  std::thread watcher_;
};

}  // namespace muster
