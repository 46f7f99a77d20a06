// SPDX-License-Identifier: Apache-2.0
// The memory of this process as a parameter, as Clock is for time.
#pragma once

#include <cstdint>

namespace muster {

// Any thread. 0, of available_bytes() the largest number, where the system does not tell.
class ProcessMemory {
 public:
  virtual ~ProcessMemory() = default;

  [[nodiscard]] virtual std::uint64_t resident_bytes() noexcept = 0;
  // The most that was resident since the process began.
  [[nodiscard]] virtual std::uint64_t peak_bytes() noexcept = 0;
  // What this process could still take without pushing anything out, by the machine's memory and
  // by the limit of the cgroup that stands at the root of what it sees, as in a container.
  [[nodiscard]] virtual std::uint64_t available_bytes() noexcept = 0;
};

// By the kernel's own counts.
[[nodiscard]] ProcessMemory& process_memory() noexcept;

}  // namespace muster
