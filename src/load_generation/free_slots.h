// SPDX-License-Identifier: Apache-2.0
// FreeSlots: slots of a target without a request in flight, and whether a request had to wait for
// one or was kept by the client alone.
#pragma once

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "load_generation/load_measurement.h"

namespace muster {

class FreeSlots {
 public:
  // All of so many.
  explicit FreeSlots(int slots) {
    for (int slot = slots - 1; slot >= 0; --slot)
      slots_.push_back(slot);
  }

  [[nodiscard]] bool empty() const noexcept { return slots_.empty(); }
  // One of them; there is one.
  [[nodiscard]] int take() {
    const int slot = slots_.back();
    slots_.pop_back();
    return slot;
  }
  void put_back(int slot, Clock::TimePoint now) {
    if (slots_.empty()) since_ = now;
    slots_.push_back(slot);
  }
  // Counts a request that takes a slot now and was meant to be sent at `meant`.
  void count(Clock::TimePoint meant, Clock::TimePoint now, LoadMeasurement& measured) const {
    if (meant < since_) ++measured.waited;
    measured.delay.record(now - std::max(meant, since_));
  }

 private:
  std::vector<int> slots_;
  Clock::TimePoint since_{};  // some slot is free, or was when the last one was taken
};

}  // namespace muster
