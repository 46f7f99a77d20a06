// SPDX-License-Identifier: Apache-2.0
// A closed loop: so many clients, each of which asks again when it has its answer.
#pragma once

#include <chrono>
#include <cstdint>

#include "load_generation/load_measurement.h"
#include "load_generation/request_target.h"

namespace muster {

struct ClosedLoop {
  int concurrency = 1;  // requests in flight, up to the target's slots
  std::int64_t rows = 1;
  Clock::Duration warm_up{0};
  Clock::Duration duration{0};  // that answers are counted in
  Clock::Duration timeout = std::chrono::seconds(30);
};

// Warms up, measures, and lets the last requests end. What is refused or fails is asked again at
// once. kUnavailable: nothing is answered any more.
[[nodiscard]] Result<LoadMeasurement> run_closed_loop(RequestTarget& target, const ClosedLoop& loop,
                                                      Clock& clock, const LoadMeters& meters,
                                                      AnswerCheck* check = nullptr);

}  // namespace muster
