// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

namespace muster {
namespace {

class SteadyClock final : public Clock {
 public:
  TimePoint now() noexcept override { return std::chrono::steady_clock::now(); }

  void wait_until(CondVar& condition, MutexLock& lock, TimePoint until) override {
    // Some standard libraries overflow when they turn the far end of time into a timespec.
    if (until == kForever) {
      condition.wait(lock);
    } else {
      condition.wait_until(lock, until);
    }
  }
};

}  // namespace

Clock& steady_clock() noexcept {
  static SteadyClock clock;
  return clock;
}

}  // namespace muster
