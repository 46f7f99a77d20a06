// SPDX-License-Identifier: Apache-2.0
// An open loop: requests come at their own times, whether or not earlier ones are answered.
#pragma once

#include <chrono>
#include <cstdint>

#include "load_generation/arrivals.h"
#include "load_generation/load_measurement.h"
#include "load_generation/request_target.h"

namespace muster {

struct OpenLoop {
  double per_second = 1000;  // requests, on average; above 0
  std::int64_t rows = 1;
  Clock::Duration warm_up{0};
  Clock::Duration duration{0};  // in which the requests that count are meant to be sent
  // Of a request, and of one that waits for a slot.
  Clock::Duration timeout = std::chrono::seconds(30);
  Clock::Duration deadline = Clock::Duration::max();  // answers behind it are `late`
  std::uint32_t seed = 28;
  // 0: arrivals are Poisson. Else they come in bursts that last so long in the mean.
  Clock::Duration burst_length{0};

  [[nodiscard]] ArrivalRates rates() const noexcept;
};

// Requests that wait for a slot; more fail at once.
inline constexpr std::size_t kMostWaitingRequests = std::size_t{1} << 20;

// Warms up, measures, and waits for the last answers, which count. Latencies begin when a request
// was meant to be sent, also where all slots were in flight: what the server makes wait outside is
// in them. `elapsed` ends with the last answer. kUnavailable: nothing is answered any more.
[[nodiscard]] Result<LoadMeasurement> run_open_loop(RequestTarget& target, const OpenLoop& loop,
                                                    Clock& clock, const LoadMeters& meters,
                                                    AnswerCheck* check = nullptr);

}  // namespace muster
