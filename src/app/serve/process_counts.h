// SPDX-License-Identifier: Apache-2.0
// What the kernel counts of this process and this machine, from /proc.
#pragma once

#include <cstdint>
#include <string>

namespace muster {

// What cannot be read is 0.
struct ProcessCounts {
  double cpu_seconds = 0;    // user and system
  double start_seconds = 0;  // since the epoch
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t max_files = 0;
  std::uint64_t threads = 0;
};
// `proc`: "/proc", or a folder that a test made.
[[nodiscard]] ProcessCounts read_process_counts(const std::string& proc = "/proc");

struct MachineCounts {
  std::uint64_t busy_ticks = 0;  // of all CPUs since the machine started
  std::uint64_t all_ticks = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_used_bytes = 0;
};
[[nodiscard]] MachineCounts read_machine_counts(const std::string& proc = "/proc");

}  // namespace muster
