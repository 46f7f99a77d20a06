// SPDX-License-Identifier: Apache-2.0
#include "shared_memory/opening_thread.h"

#include <string>

#include "base/caught.h"

namespace muster {

OpeningThread::~OpeningThread() {
  std::thread thread;
  std::deque<RegionOpening> left;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    left.swap(waiting_);
    thread.swap(thread_);
  }
  changed_.notify_all();
  for (const RegionOpening& opening : left)
    opening.done(unavailable("the server is stopping"));
  if (thread.joinable()) thread.join();
}

Status OpeningThread::offer(RegionOpening& opening) {
  return caught([&]() -> Status {
    const MutexLock lock(mutex_);
    if (waiting_.size() >= max_waiting_) {
      return resource_exhausted(std::to_string(waiting_.size()) +
                                " regions of GPU memory wait to be opened, the most there may be "
                                "(--max-region-openings)");
    }
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    waiting_.push_back(std::move(opening));
    changed_.notify_all();
    return {};
  });
}

std::optional<RegionOpening> OpeningThread::next() {
  MutexLock lock(mutex_);
  while (waiting_.empty() && !ending_)
    changed_.wait(lock);
  if (ending_) return std::nullopt;
  std::optional<RegionOpening> opening(std::move(waiting_.front()));
  waiting_.pop_front();
  return opening;
}

void OpeningThread::run() {
  while (std::optional<RegionOpening> opening = next()) {
    Status outcome = caught([&] { return open_(*opening); });
    opening->done(std::move(outcome));
  }
}

}  // namespace muster
