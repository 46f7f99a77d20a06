// SPDX-License-Identifier: Apache-2.0
#include "backends/scripted/stage.h"

#include <utility>

namespace muster::scripted {

void Stage::hold() {
  const MutexLock lock(mutex_);
  holding_ = true;
}

void Stage::release(std::size_t runs) {
  const MutexLock lock(mutex_);
  released_ += runs;
  changed_.notify_all();
}

void Stage::release_all() {
  const MutexLock lock(mutex_);
  holding_ = false;
  released_ = 0;
  changed_.notify_all();
}

void Stage::await_held(std::size_t runs) {
  MutexLock lock(mutex_);
  while (held_ < runs)
    changed_.wait(lock);
}

void Stage::fail_next(const Status& status, std::size_t runs) {
  const MutexLock lock(mutex_);
  failures_.insert(failures_.end(), runs, status);
}

std::vector<RunRecord> Stage::records() {
  const MutexLock lock(mutex_);
  return records_;
}

std::size_t Stage::run_count() {
  const MutexLock lock(mutex_);
  return records_.size();
}

Status Stage::play(const RunRecord& record) {
  MutexLock lock(mutex_);
  records_.push_back(record);
  Status outcome;
  if (!failures_.empty()) {
    outcome = std::move(failures_.front());
    failures_.pop_front();
  }
  if (!holding_) return outcome;
  ++held_;
  changed_.notify_all();
  while (holding_ && released_ == 0)
    changed_.wait(lock);
  if (released_ > 0) --released_;
  --held_;
  return outcome;
}

}  // namespace muster::scripted
