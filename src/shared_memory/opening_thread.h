// SPDX-License-Identifier: Apache-2.0
// OpeningThread: opens memory of GPUs, one piece after the other, aside: the first use of a GPU
// takes seconds, and no transport thread may wait for it.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <muster/status.h>

#include "base/mutex.h"
#include "shared_memory/memory_region.h"

namespace muster {

// What waits to be opened. `done` is called once.
struct RegionOpening {
  RegionStatus status;
  std::vector<std::byte> handle;
  MappedBytes bytes;
  std::function<void(Status)> done;
};

class OpeningThread {
 public:
  // `open` is called on the thread, and says how it went.
  OpeningThread(std::size_t max_waiting, std::function<Status(RegionOpening&)> open)
      : max_waiting_(max_waiting), open_(std::move(open)) {}
  OpeningThread(const OpeningThread&) = delete;
  OpeningThread& operator=(const OpeningThread&) = delete;
  // Those that wait are answered kUnavailable; the one that is under way is waited for.
  ~OpeningThread();

  // Answers by `done`, on the thread; where this fails, the caller does. kResourceExhausted: so
  // many wait already. The first call starts the thread.
  [[nodiscard]] Status offer(RegionOpening& opening);

 private:
  void run();
  [[nodiscard]] std::optional<RegionOpening> next();

  const std::size_t max_waiting_;
  const std::function<Status(RegionOpening&)> open_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<RegionOpening> waiting_ MUSTER_GUARDED_BY(mutex_);
  bool ending_ MUSTER_GUARDED_BY(mutex_) = false;
  std::thread thread_ MUSTER_GUARDED_BY(mutex_);  // none before the first call
};

}  // namespace muster
