// SPDX-License-Identifier: Apache-2.0
// AdvisePlan: what is measured for how long, so that a fixed time is spent on what matters.
//
//   a short look    each setup is opened in turn, and measured at each batch size; half of the time
//   rounds          the best of them, opened together, one after the other: A B C A B C ...
//
// In rounds every candidate meets the same moods of the machine, and how far the rounds of one are
// apart tells how quiet it was. Knows no model and no backend: those are behind CandidateBench.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <muster/status.h>

#include "app/advise/candidate.h"
#include "app/advise/reading.h"
#include "base/clock.h"

namespace muster {

// Where candidates are measured. One thread.
class CandidateBench {
 public:
  virtual ~CandidateBench() = default;

  // Opens a setup until it is closed; gives the batch sizes to measure it at, ascending.
  virtual Result<std::vector<std::int64_t>> open(const Setup& setup) = 0;
  virtual void close(const Setup& setup) = 0;
  // Of an open setup: so many of its instances at work for about so long, or for a few runs where
  // they are longer.
  virtual Result<Reading> measure(const Candidate& candidate, int instances,
                                  Clock::Duration length) = 0;
  // Why only batches of one row are possible, as the last setup that was opened has it; "" = more
  // are.
  [[nodiscard]] virtual const std::string& single_rows() const noexcept = 0;
};

struct PlanOrder {
  std::vector<Setup> setups;  // of one backend behind each other
  Clock::Duration budget{0};
  Goal goal;
};

struct PlanListener {
  std::function<void(const std::string& what)> begins;  // something that takes its time
  std::function<bool()> is_stopped;                     // somebody wants it to end
};

struct PlanResults {
  std::vector<MeasuredCandidate> measured;
  std::vector<AdviceMiss> misses;
  std::size_t leaders = 0;  // that were measured in rounds
  int rounds = 0;           // that were measured whole
  double noise = 0;         // the largest spread of a leader; 0 = not known
  bool stopped = false;     // before the end
};

// Measurements beyond this are told of as noisy.
inline constexpr double kNoisy = 0.1;

// Ends when the budget is spent, but for what is being opened or measured then.
[[nodiscard]] PlanResults run_plan(const PlanOrder& order, CandidateBench& bench, Clock& clock,
                                   const PlanListener& listener);

}  // namespace muster
