// SPDX-License-Identifier: Apache-2.0
// Measures several sessions of one model that run at the same time, each on a thread of its own, as
// a server's workers do when there is more to do than they can.
//
//   every thread:  make a session | warm up | wait for the others | ( fill | run | read outputs )
//   ...
//
// Unlike measure_batches, throughput is by the whole time and not by that of the runs: a worker
// that gathers a batch runs none meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>

#include <muster/backend.h>

#include "base/clock.h"
#include "measuring/latency_histogram.h"
#include "measuring/measure_batches.h"
#include "measuring/sample_inputs.h"
#include "measuring/usage_meter.h"

namespace muster {

struct CrewOrder {
  std::size_t sessions = 1;  // at least 1
  std::int64_t rows = 1;     // what a run of the inputs counts for
  MeasuringExtent extent;    // of each session; its fewest runs are kFewestRuns, and one to warm up
};

struct CrewMeasurement {
  LatencyHistogram latency;          // of the runs of all sessions
  Clock::Duration elapsed{0};        // from the first run's beginning to the last one's end
  double items_per_second = 0;       // of all sessions together, each by its own time; 0: too short
  double cpu_us_per_item = 0;        // of all threads of the process, filling included
  std::uint64_t resident_bytes = 0;  // of the process, while all sessions are still there
};

// Blocks. Errors are those of the first session that fails; the others then end with their run.
[[nodiscard]] Result<CrewMeasurement> measure_crew(const CompiledModel& model,
                                                   const SampleInputs& inputs,
                                                   const CrewOrder& order, Clock& clock,
                                                   UsageMeter& usage);

}  // namespace muster
