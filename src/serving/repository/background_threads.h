// SPDX-License-Identifier: Apache-2.0
// BackgroundThreads: a few threads that do jobs in the order in which they were given, beside the
// threads that answer requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace muster {

enum class ThreadPriority : std::uint8_t {
  kUsual,
  // Runs where nobody else wants the processor, and slowly otherwise. Threads that its jobs start
  // inherit it, and no thread can rise again without rights: start none that must be quick.
  kLow,
};

class BackgroundThreads {
 public:
  // Starts `count` threads, at least one. std::system_error where the system has none.
  BackgroundThreads(std::size_t count, ThreadPriority priority);
  BackgroundThreads(const BackgroundThreads&) = delete;
  BackgroundThreads& operator=(const BackgroundThreads&) = delete;
  // Does what was given, then ends the threads. Not on one of them.
  ~BackgroundThreads();

  // Any thread, jobs included. A job must not throw.
  void post(std::function<void()> job);
  // Before all that waits.
  void post_first(std::function<void()> job);
  // What the destructor does; safe to call twice. Jobs that are posted later are done by nobody.
  void finish();

 private:
  void work(ThreadPriority priority);

  Mutex mutex_;
  CondVar work_;
  std::deque<std::function<void()>> jobs_ MUSTER_GUARDED_BY(mutex_);
  bool ending_ MUSTER_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace muster
