// SPDX-License-Identifier: Apache-2.0
// OpenCalls: how many calls are to be answered yet, for whoever waits until there are none.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/mutex.h"

namespace muster {

// Any thread.
class OpenCalls {
 public:
  void enter() noexcept { count_.fetch_add(1); }
  void leave();
  // From now on new calls are to be refused, and somebody may wait.
  void stop() noexcept { stopping_.store(true); }
  [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }
  // After `stop`. False when `until` came first.
  [[nodiscard]] bool await_none(Clock& clock, Clock::TimePoint until);

 private:
  std::atomic<std::int64_t> count_{0};
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar none_;
};

}  // namespace muster
