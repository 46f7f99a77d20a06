// SPDX-License-Identifier: Apache-2.0
// BackgroundThreads: a few threads that do jobs in the order in which they were given, beside the
// threads that answer requests.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace muster {

class BackgroundThreads {
 public:
  // The time slice of threads of low priority, the longest that Linux grants.
  static constexpr std::chrono::nanoseconds kLongSlice = std::chrono::milliseconds(100);

  // Starts `count` threads, at least one. std::system_error where the system has none.
  explicit BackgroundThreads(std::size_t count);
  BackgroundThreads(const BackgroundThreads&) = delete;
  BackgroundThreads& operator=(const BackgroundThreads&) = delete;
  // Does what was given, then ends the threads. Not on one of them.
  ~BackgroundThreads();

  // Any thread, jobs included. A job must not throw.
  void post(std::function<void()> job);
  // Before all that waits.
  void post_first(std::function<void()> job);
  // From their next job on the threads run where nobody else wants the processor, make way at once
  // for who wakes up (Linux 6.12 and later), and run slowly otherwise. For good: no thread can rise
  // again without rights. Threads that their jobs start inherit it: start none that must be quick.
  void lower_priority();
  // What the destructor does; safe to call twice. Jobs that are posted later are done by nobody.
  void finish();

 private:
  void work();

  Mutex mutex_;
  CondVar work_;
  std::deque<std::function<void()>> jobs_ MUSTER_GUARDED_BY(mutex_);
  bool lowered_ MUSTER_GUARDED_BY(mutex_) = false;
  bool ending_ MUSTER_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace muster
