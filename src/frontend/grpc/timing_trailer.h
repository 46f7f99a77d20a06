// SPDX-License-Identifier: Apache-2.0
// Where the time of an inference went, for its trailing metadata: in the form of HTTP's
// Server-Timing.
#pragma once

#include <string>

#include <muster/inference.h>

namespace muster {

inline constexpr char kTimingKey[] = "muster-timing";

// "queue;dur=0.120, batch;dur=0.004;desc=\"rows=32\", compute;dur=0.650;desc=\"version=1\"": in
// milliseconds. The version is left out where the model has none.
[[nodiscard]] std::string timing_of(const InferResponse& response);

}  // namespace muster
