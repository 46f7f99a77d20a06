// SPDX-License-Identifier: Apache-2.0
// UsageMeter: processor time and memory as a parameter, as Clock is for time.
#pragma once

#include <chrono>
#include <cstdint>

namespace muster {

class UsageMeter {
 public:
  virtual ~UsageMeter() = default;

  // Of all threads of this process since it began.
  [[nodiscard]] virtual std::chrono::nanoseconds cpu_time() noexcept = 0;
  // Of this process, now; 0 where it cannot be told.
  [[nodiscard]] virtual std::uint64_t resident_bytes() noexcept = 0;
  // What the machine could still give without pushing anything out; the largest number there is
  // where it cannot be told. A container's own limit is not looked at.
  [[nodiscard]] virtual std::uint64_t available_bytes() noexcept = 0;
};

// The kernel's own counts; lives as long as the process.
[[nodiscard]] UsageMeter& process_usage() noexcept;

}  // namespace muster
