// SPDX-License-Identifier: Apache-2.0
// The batch policy of a model with a latency target: a pure function of what waits, the time, what
// batches cost and how much comes. docs/batching.md tells it in words, ADR 0034 why.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "batching/batch_policy.h"
#include "batching/target/cost_curve.h"

namespace muster {

// A waiting request, as this policy sees it.
struct LineMember {
  TimePoint answer_by;
  std::int64_t rows = 1;
};

// The first of a line. They have one rank (priority level, late or not): who is more important is
// never dropped for who is less so.
struct LineView {
  std::span<const LineMember> members;  // at least one, by answer_by, the earliest first
  bool more = false;                    // others of the same rank wait behind them
  std::int64_t rows_of_others = 0;      // of lower ranks, which may fill a batch up
  bool draining = false;
};
// So many rows of a line are looked at: four batches, and at least this.
inline constexpr std::int64_t kLeastRowsViewed = 64;

struct TargetFacts {
  const CostCurve& cost;
  double rows_per_second = 0;  // that come
  std::size_t runners = 1;     // sessions
};

// The size that runs the most rows a second within the target: no batch is larger. 0 = nothing is
// known yet.
[[nodiscard]] std::int64_t best_rows(const CostCurve& cost, const BatchLimits& limits) noexcept;
// The smallest size at which the sessions keep up with what comes, at most best_rows.
[[nodiscard]] std::int64_t needed_rows(const TargetFacts& facts,
                                       const BatchLimits& limits) noexcept;

// In this order:
//   draining, or nothing learned: all that waits goes, at most a batch;
//   the first that could not be answered in time together with all behind it (up to best_rows) is
//   dropped, unless it is as good to run it in a smaller batch and the others right after it. Where
//   others need its place, "could not" is meant cautiously; where all find room, typically;
//   as many as could be go, unless fewer wait than needed_rows, waiting would help, and one more
//   could still be in time: then it waits until that is over, with several sessions no longer than
//   until the next of them is free.
// Never waits, nor drops the last, where nothing is gained by it.
[[nodiscard]] BatchDecision decide_for_target(const LineView& line, TimePoint now,
                                              const BatchLimits& limits,
                                              const TargetFacts& facts) noexcept;

}  // namespace muster
