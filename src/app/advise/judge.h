// SPDX-License-Identifier: Apache-2.0
// Judge: ranks what was measured by what the model is wanted for, and says why. Pure.
//
//   suits    keeps to the latency and carries the rate that were asked for
//   cost     what one row takes: time, or processor time where a rate was asked for
//   tie      suits, and costs at most kTie more than the cheapest that does
//
// Ties are not decided by the measurement, which would choose another one each time, but by a fixed
// order: fewer threads in all, fewer instances, the model's own backend, smaller batches.
#pragma once

#include <string>
#include <vector>

#include "app/advise/candidate.h"

namespace muster {

// One less than the 5 % within which two runs on a quiet machine are to agree: what is left is for
// what the measurements differ by.
inline constexpr double kTie = 0.04;
// A rate is carried where this much more could be: arrivals are never even.
inline constexpr double kRoom = 1.25;
// With a rate, of those that cost the same only the quickest are ties, as far as one can tell.
inline constexpr double kLatencyTie = 0.1;

struct RankedCandidate {
  MeasuredCandidate measured;
  // Of a request that has just missed a batch: the delay that the configuration lets requests wait,
  // that batch, and its own, at the 99th percentile.
  double full_ms = 0;
  // With a rate: the smallest batch size of the same setup that carries it, at which batches form
  // by themselves, with what it costs and takes there. Without one: the candidate's own.
  std::int64_t working_size = 1;
  double working_cpu_us = 0;
  double working_ms = 0;
  bool suits = false;
  bool tie = false;  // with the first; so is the first itself
  std::string reason;
};

// The best first; what does not suit comes last. Every candidate is there.
[[nodiscard]] std::vector<RankedCandidate> judge(const std::vector<MeasuredCandidate>& measured,
                                                 const Goal& goal);

// What the goal is, in words: "the most rows a second".
[[nodiscard]] std::string describe(const Goal& goal);

}  // namespace muster
