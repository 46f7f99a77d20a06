// SPDX-License-Identifier: Apache-2.0
// What a process takes of the machine (measuring/usage_meter.h) as figures, and the cores that it
// may use.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include <sched.h>
#include <sys/types.h>

#include "bench/statistics.h"

namespace muster::bench {

using WallClock = std::chrono::steady_clock;

[[nodiscard]] inline std::chrono::nanoseconds since(WallClock::time_point start) {
  return WallClock::now() - start;
}

// Of this process, all threads, from construction on.
class Usage {
 public:
  Usage();
  // items_per_s, cpu_us_per_item, switches_per_item (voluntary or not) since construction.
  void put_into(Figures& figures, double items) const;

 private:
  const std::uint64_t switches_;
  const std::chrono::nanoseconds cpu_;
  const WallClock::time_point start_;  // last: reading the others takes a while
};

// Memory that is resident in another process now.
[[nodiscard]] double resident_mib(pid_t pid);

// The cores that this process may use, as numbers.
[[nodiscard]] std::vector<int> usable_cores();

// Holds every thread of the process, and those that they start, on the last `count` usable cores
// until its end; 0 changes nothing. (The first core often serves the machine's interrupts.)
class Confined {
 public:
  explicit Confined(int count);
  ~Confined();
  Confined(const Confined&) = delete;
  Confined& operator=(const Confined&) = delete;

 private:
  cpu_set_t before_;
  bool changed_ = false;
};

}  // namespace muster::bench
