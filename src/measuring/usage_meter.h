// SPDX-License-Identifier: Apache-2.0
// UsageMeter: processor time and memory as a parameter, as Clock is for time.
#pragma once

#include <chrono>
#include <cstdint>

#include <sys/resource.h>

namespace muster {

class UsageMeter {
 public:
  virtual ~UsageMeter() = default;

  // Of all threads of this process since it began.
  [[nodiscard]] virtual std::chrono::nanoseconds cpu_time() noexcept = 0;
  // Of this process, now; 0 where it cannot be told.
  [[nodiscard]] virtual std::uint64_t resident_bytes() noexcept = 0;
  // What this process could still take without pushing anything out, by the machine's memory and
  // by the limit of the cgroup that stands at the root of what it sees, as in a container. The
  // largest number there is where neither can be told.
  [[nodiscard]] virtual std::uint64_t available_bytes() noexcept = 0;
};

// Lets the process take only so much more memory until its end: what would go beyond it fails to be
// allocated, where the kernel would end the process later. One at a time in a process.
class MemoryBound {
 public:
  explicit MemoryBound(std::uint64_t more_bytes) noexcept;
  ~MemoryBound();
  MemoryBound(const MemoryBound&) = delete;
  MemoryBound& operator=(const MemoryBound&) = delete;

 private:
  rlimit before_{};
};

// The kernel's own counts; lives as long as the process.
[[nodiscard]] UsageMeter& process_usage() noexcept;

}  // namespace muster
