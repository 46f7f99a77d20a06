// SPDX-License-Identifier: Apache-2.0
// Whether a load measured the client or the machine, and not the server.
#pragma once

#include <string>
#include <vector>

#include "load_generation/load_measurement.h"

namespace muster {

// What a load had to do.
struct LoadIntent {
  double per_second = 0;  // of an open loop; 0 = a closed one
  int slots = 1;          // requests that could be in flight
};

// From these on, something is worth a word.
inline constexpr double kFullProcessor = 0.9;   // of a processor, the client's one thread
inline constexpr double kNotableWait = 0.05;    // of the time, ready and without a processor
inline constexpr double kNotableWaited = 0.01;  // of the requests, for a free slot
inline constexpr double kNotableDelay = 0.1;    // of the median latency, late by the client...
inline constexpr std::chrono::milliseconds kShortDelay{1};  // ...and never less than that

// One sentence for each limit that was met, with its figures and what to do; none where the load
// was what it should have been.
[[nodiscard]] std::vector<std::string> client_limits(const LoadMeasurement& measured,
                                                     const LoadIntent& intent);

}  // namespace muster
