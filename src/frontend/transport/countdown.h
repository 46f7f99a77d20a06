// SPDX-License-Identifier: Apache-2.0
// Countdown: threads that are to say that they are done, and one that waits for them.
#pragma once

#include <cstddef>

#include "base/clock.h"
#include "base/mutex.h"

namespace muster {

// Any thread. Shared with those who are waited for: they may come when nobody waits any more.
class Countdown {
 public:
  explicit Countdown(std::size_t missing) noexcept : missing_(missing) {}
  Countdown(const Countdown&) = delete;
  Countdown& operator=(const Countdown&) = delete;

  // One of them is done.
  void count() {
    const MutexLock lock(mutex_);
    --missing_;
    done_.notify_all();
  }
  // False when `until` came first.
  [[nodiscard]] bool await(Clock& clock, Clock::TimePoint until) {
    MutexLock lock(mutex_);
    while (missing_ > 0 && clock.now() < until)
      clock.wait_until(done_, lock, until);
    return missing_ == 0;
  }

 private:
  Mutex mutex_;
  CondVar done_;
  std::size_t missing_ MUSTER_GUARDED_BY(mutex_);
};

}  // namespace muster
