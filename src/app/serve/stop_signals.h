// SPDX-License-Identifier: Apache-2.0
// StopSignals: SIGTERM, SIGINT and SIGHUP as a wish to stop that one thread waits for.
//
// The first is the wish. A second ends the process at once with 1, and so does the limit when it
// has passed since the first, wherever the rest of the process is stuck by then.
#pragma once

#include <chrono>
#include <future>
#include <thread>

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

 private:
  void watch(std::promise<void> stop) const;

  const std::chrono::milliseconds limit_;
  const int signals_;  // file descriptors
  const int end_;
  std::future<void> stop_;
  std::thread watcher_;
};

}  // namespace muster
