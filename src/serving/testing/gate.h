// SPDX-License-Identifier: Apache-2.0
// Gate: lets a test hold a run where it is.
#pragma once

#include "base/mutex.h"

namespace muster::testing {

// Holds whoever passes while it is shut, and tells when somebody stands before it.
class Gate {
 public:
  void shut() {
    const MutexLock lock(mutex_);
    open_ = false;
  }
  void open() {
    const MutexLock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  // One that stands before it, or the next that comes; until it has passed.
  void let_one_through() {
    MutexLock lock(mutex_);
    may_pass_ = true;
    changed_.notify_all();
    while (may_pass_)
      changed_.wait(lock);
  }
  void pass() {
    MutexLock lock(mutex_);
    ++standing_;
    changed_.notify_all();
    while (!open_ && !may_pass_)
      changed_.wait(lock);
    if (may_pass_) {
      may_pass_ = false;
      changed_.notify_all();
    }
    --standing_;
  }
  void await_standing(int count = 1) {
    MutexLock lock(mutex_);
    while (standing_ < count)
      changed_.wait(lock);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool open_ MUSTER_GUARDED_BY(mutex_) = true;
  bool may_pass_ MUSTER_GUARDED_BY(mutex_) = false;
  int standing_ MUSTER_GUARDED_BY(mutex_) = 0;
};

}  // namespace muster::testing
