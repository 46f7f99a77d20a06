// SPDX-License-Identifier: Apache-2.0
// FakeUsage: a process that uses what a test says.
#pragma once

#include "measuring/usage_meter.h"

namespace muster {

class FakeUsage final : public UsageMeter {
 public:
  std::chrono::nanoseconds cpu_time() noexcept override { return cpu; }
  std::uint64_t context_switches() override { return 0; }
  std::chrono::nanoseconds processor_wait() noexcept override { return wait; }
  std::uint64_t resident_bytes() noexcept override { return std::uint64_t{3} << 20; }
  std::uint64_t available_bytes() noexcept override { return 0; }

  std::chrono::nanoseconds cpu{0};
  std::chrono::nanoseconds wait{0};
};

}  // namespace muster
