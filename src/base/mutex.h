// SPDX-License-Identifier: Apache-2.0
// Mutex, MutexLock and CondVar: the standard ones, with clang's thread-safety attributes.
#pragma once

#include <condition_variable>
#include <mutex>

#include "base/thread_annotations.h"

namespace muster {

class MUSTER_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() MUSTER_ACQUIRE() { mutex_.lock(); }
  void unlock() MUSTER_RELEASE() { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Holds the mutex from construction to destruction, but for `unlock`..`lock` in between.
class MUSTER_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MUSTER_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() MUSTER_RELEASE() = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void unlock() MUSTER_RELEASE() { lock_.unlock(); }
  void lock() MUSTER_ACQUIRE() { lock_.lock(); }

  // The mutex underneath, for a clock of tests that notifies under its waiters' own mutex.
  [[nodiscard]] std::mutex& native() const noexcept { return *lock_.mutex(); }

 private:
  friend class CondVar;
  std::unique_lock<std::mutex> lock_;
};

class CondVar {
 public:
  void wait(MutexLock& lock) { condition_.wait(lock.lock_); }
  // False when `until` has come. Wake-ups may be spurious.
  template <typename TimePoint>
  bool wait_until(MutexLock& lock, TimePoint until) {
    return condition_.wait_until(lock.lock_, until) == std::cv_status::no_timeout;
  }
  void notify_one() noexcept { condition_.notify_one(); }
  void notify_all() noexcept { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace muster
