// SPDX-License-Identifier: Apache-2.0
// MemoryForesight: what a run of more rows will take, by what runs of fewer took, before the kernel
// ends the process for it. A straight line through nothing: what a model takes once and for all
// counts as if each row took it, so that no run is foreseen as smaller than it is.
#pragma once

#include <cstdint>

#include <muster/status.h>

#include "base/memory/process_memory.h"

namespace muster {

// Less than this more is never worth a look at what there is.
inline constexpr std::uint64_t kTrivialBytes = std::uint64_t{64} << 20;
// What is foreseen must be there so many times: runtimes take memory in steps.
inline constexpr double kForesightMargin = 1.25;

// One thread at a time. Whatever else the process does meanwhile counts as the model's.
class MemoryForesight {
 public:
  // Before the first run. `memory` outlives this object.
  explicit MemoryForesight(ProcessMemory& memory);

  // After each run.
  void ran(std::int64_t rows);
  // kResourceExhausted where a run of so many rows would take more than there is; says how much,
  // and which number of rows is known to fit.
  [[nodiscard]] Status check(std::int64_t rows) const;

 private:
  ProcessMemory& memory_;
  std::uint64_t resident_before_;
  std::uint64_t peak_;
  std::int64_t rows_ = 0;     // the most that were run
  std::uint64_t growth_ = 0;  // what they took while they ran
  std::uint64_t held_ = 0;    // of it, after the last run
};

}  // namespace muster
