// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/open_calls.h"

namespace muster {

void OpenCalls::leave() {
  // Both in one order for all threads: whoever stops after this count has fallen sees it, and
  // whoever stopped before is seen here.
  if (count_.fetch_sub(1) != 1 || !stopping_.load()) return;
  const MutexLock lock(mutex_);
  none_.notify_all();
}

bool OpenCalls::await_none(Clock& clock, Clock::TimePoint until) {
  MutexLock lock(mutex_);
  while (count_.load() != 0) {
    if (clock.now() >= until) return false;
    clock.wait_until(none_, lock, until);
  }
  return true;
}

}  // namespace muster
