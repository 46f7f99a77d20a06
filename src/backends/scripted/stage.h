// SPDX-License-Identifier: Apache-2.0
// Where a test stands while scripted sessions play: it sees every run, and may hold it or fail it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include <muster/status.h>

#include "base/mutex.h"

namespace muster::scripted {

struct RunRecord {
  std::int64_t rows = 0;
  std::thread::id thread;
};

// Any thread. Outlives the sessions that play on it.
class Stage {
 public:
  // Runs that begin from now on wait to be released.
  void hold();
  // Lets `runs` of those that wait, or will wait, go on.
  void release(std::size_t runs = 1);
  // Lets all go on, and holds no more.
  void release_all();
  // Returns when `runs` wait at the same time.
  void await_held(std::size_t runs);
  // The next `runs` to begin fail with this.
  void fail_next(const Status& status, std::size_t runs = 1);

  // Every run that has begun, in that order.
  [[nodiscard]] std::vector<RunRecord> records();
  [[nodiscard]] std::size_t run_count();

  // The session's part: notes the run, waits while it is held, and says how it ends.
  [[nodiscard]] Status play(const RunRecord& record);

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<RunRecord> records_ MUSTER_GUARDED_BY(mutex_);
  std::deque<Status> failures_ MUSTER_GUARDED_BY(mutex_);
  bool holding_ MUSTER_GUARDED_BY(mutex_) = false;
  std::size_t held_ MUSTER_GUARDED_BY(mutex_) = 0;
  std::size_t released_ MUSTER_GUARDED_BY(mutex_) = 0;  // and not yet gone
};

}  // namespace muster::scripted
