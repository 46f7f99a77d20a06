// SPDX-License-Identifier: Apache-2.0
// FakeClock: time that stands still until a test moves it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <list>
#include <mutex>
#include <vector>

#include "base/clock.h"

namespace muster {

// Any thread may wait on it; one test thread moves it. What waits must outlive `advance`. The
// await_ calls tell when the threads under test have gone to sleep; they return at once where that
// has happened already.
class FakeClock final : public Clock {
 public:
  TimePoint now() noexcept override {
    const MutexLock lock(mutex_);
    return now_;
  }

  void wait_until(CondVar& condition, MutexLock& lock,
                  TimePoint until) override MUSTER_NO_THREAD_SAFETY_ANALYSIS {
    std::list<Waiter>::iterator self;
    {
      const MutexLock own(mutex_);
      if (until <= now_) return;
      self = waiters_.insert(waiters_.end(), {&condition, &lock.native(), until});
      ++waits_;
      changed_.notify_all();
    }
    condition.wait(lock);
    const MutexLock own(mutex_);
    waiters_.erase(self);
    changed_.notify_all();
  }

  // Moves time on and returns when every waiter whose moment has come is awake.
  void advance(Duration length) {
    std::vector<Waiter> due;
    {
      const MutexLock lock(mutex_);
      const TimePoint now = now_ += length;
      std::ranges::copy_if(waiters_, std::back_inserter(due),
                           [now](const Waiter& waiter) { return waiter.until <= now; });
    }
    // A waiter enlists while it holds its mutex: who has got that mutex finds it asleep, or gone.
    for (const Waiter& waiter : due) {
      const std::lock_guard hold(*waiter.mutex);
      waiter.condition->notify_all();
    }
    MutexLock lock(mutex_);
    while (any_due())
      changed_.wait(lock);
  }

  // Returns when at least `count` threads sleep on this clock. One that has been notified counts
  // until it is awake.
  void await_waiters(std::size_t count) {
    MutexLock lock(mutex_);
    while (waiters_.size() < count)
      changed_.wait(lock);
  }

  // Returns when a thread sleeps until exactly that moment.
  void await_waiter_until(TimePoint until) {
    MutexLock lock(mutex_);
    while (!any_until(until))
      changed_.wait(lock);
  }

  // Returns when `count` waits have begun since the clock was made.
  void await_waits(std::size_t count) {
    MutexLock lock(mutex_);
    while (waits_ < count)
      changed_.wait(lock);
  }
  [[nodiscard]] std::size_t waits() {
    const MutexLock lock(mutex_);
    return waits_;
  }

 private:
  struct Waiter {
    CondVar* condition;
    std::mutex* mutex;
    TimePoint until;
  };

  [[nodiscard]] bool any_due() const MUSTER_REQUIRES(mutex_) {
    return std::ranges::any_of(waiters_,
                               [now = now_](const Waiter& waiter) { return waiter.until <= now; });
  }
  [[nodiscard]] bool any_until(TimePoint until) const MUSTER_REQUIRES(mutex_) {
    return std::ranges::any_of(waiters_,
                               [&](const Waiter& waiter) { return waiter.until == until; });
  }

  Mutex mutex_;
  CondVar changed_;
  TimePoint now_ MUSTER_GUARDED_BY(mutex_){std::chrono::hours(1)};
  std::list<Waiter> waiters_ MUSTER_GUARDED_BY(mutex_);
  std::size_t waits_ MUSTER_GUARDED_BY(mutex_) = 0;
};

}  // namespace muster
