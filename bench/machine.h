// SPDX-License-Identifier: Apache-2.0
// The machine that a result belongs to.
#pragma once

#include <string>

namespace muster::bench {

struct Machine {
  std::string processor;
  int cores = 0;  // that this process may use
  std::string kernel;
};

[[nodiscard]] Machine this_machine();
// Runnable threads on average over the last minute.
[[nodiscard]] double load_average();
[[nodiscard]] std::string utc_now();  // 2026-11-05T07:30:00Z

}  // namespace muster::bench
