// SPDX-License-Identifier: Apache-2.0
// Measures how long a session takes for batches of one size, one after the other on the calling
// thread (a closed loop of one).
//
//   warm up ( fill | run | read outputs ) ( fill | run | read outputs ) ...
//                  <------ timed ------>
//
// Filling is not timed: it is the caller's share of a batch and not the model's. What the loop
// itself takes, filling included, is counted and told as a part of the whole. Nothing is allocated
// between the first warm-up run and the last.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include <muster/backend.h>

#include "base/clock.h"
#include "measuring/latency_histogram.h"
#include "measuring/sample_inputs.h"
#include "measuring/usage_meter.h"

namespace muster {

// However short the time is: fewer runs say nothing.
inline constexpr std::uint64_t kFewestRuns = 3;

struct MeasuringExtent {
  Clock::Duration warm_up{0};    // runs begin within it; at least kFewestRuns
  std::uint64_t iterations = 0;  // runs to measure; 0 = by `duration`
  Clock::Duration duration{0};   // runs begin within it; at least kFewestRuns
};

struct BatchMeasurement {
  std::int64_t rows = 0;
  LatencyHistogram latency;
  Clock::Duration elapsed{0};        // of all measured runs, with what was done between them
  Clock::Duration cpu_time{0};       // of all threads of the process while runs were timed
  std::uint64_t resident_bytes = 0;  // of the process, after the last run

  // By the time that the runs took. 0 where that is too short to be told.
  [[nodiscard]] double items_per_second() const noexcept;
  [[nodiscard]] double cpu_us_per_item() const noexcept;
  // Of `elapsed`, what was not spent in runs, 0 to 1.
  [[nodiscard]] double own_share() const noexcept;
};

// `rows`: what a run of `inputs` counts for. Errors are the session's.
[[nodiscard]] Result<BatchMeasurement> measure_batches(Session& session, const SampleInputs& inputs,
                                                       std::size_t output_count, std::int64_t rows,
                                                       const MeasuringExtent& extent, Clock& clock,
                                                       UsageMeter& usage);

// 1, 2, 4, 8, ... and `largest`, which is at least 1.
[[nodiscard]] std::vector<std::int64_t> doubling_sizes(std::int64_t largest);

}  // namespace muster
