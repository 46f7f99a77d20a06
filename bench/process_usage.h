// SPDX-License-Identifier: Apache-2.0
// What a process takes of the machine, this one or another: processor time, context switches,
// memory, and the cores it may use.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include <sched.h>
#include <sys/types.h>

#include "bench/statistics.h"

namespace muster::bench {

using WallClock = std::chrono::steady_clock;

[[nodiscard]] inline std::int64_t nanoseconds_since(WallClock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(WallClock::now() - start).count();
}

// Of the whole process, all threads, from construction on.
class Usage {
 public:
  Usage();
  // items_per_s, cpu_us_per_item, switches_per_item (voluntary) since construction.
  void put_into(Figures& figures, double items) const;

 private:
  struct Reading {
    WallClock::time_point time;
    double cpu_us;
    double switches;
  };
  static Reading read();

  Reading start_;
};

// Of all threads of another process of ours, from construction on. pid 0: nothing is known.
class UsageOf {
 public:
  explicit UsageOf(pid_t pid);
  // items_per_s; with a pid also cpu_us_per_item and switches_per_item (voluntary or not).
  void put_into(Figures& figures, double items) const;
  [[nodiscard]] double cpu_us() const;  // since construction

 private:
  struct Reading {
    WallClock::time_point time;
    double cpu_us = 0;
    double switches = 0;
  };
  [[nodiscard]] Reading read() const;

  pid_t pid_;
  Reading start_;
};

// Memory that is resident in it now.
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
