// SPDX-License-Identifier: Apache-2.0
// UsageMeter: processor time and memory of a process as a parameter, as Clock is for time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <sys/resource.h>
#include <sys/types.h>

#include <muster/status.h>

namespace muster {

class UsageMeter {
 public:
  virtual ~UsageMeter() = default;

  // Of all threads since the process began; 0 where it has ended.
  [[nodiscard]] virtual std::chrono::nanoseconds cpu_time() noexcept = 0;
  // How often its threads left a processor, of their own will or not, since they began.
  [[nodiscard]] virtual std::uint64_t context_switches() = 0;
  // How long its main thread was ready to run and got no processor, since it began; 0 where the
  // kernel does not tell.
  [[nodiscard]] virtual std::chrono::nanoseconds processor_wait() noexcept = 0;
  // Now; 0 where it cannot be told.
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

// This process, by the kernel's own counts; lives as long as it.
[[nodiscard]] UsageMeter& process_usage() noexcept;
// Another process on this machine; kNotFound where there is none that may be looked at.
[[nodiscard]] Result<std::unique_ptr<UsageMeter>> usage_of(pid_t pid);

}  // namespace muster
