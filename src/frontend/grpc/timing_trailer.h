// SPDX-License-Identifier: Apache-2.0
// Where the time of an inference went, for its trailing metadata: what HTTP tells as Server-Timing.
#pragma once

#include <string>

#include <muster/inference.h>

namespace muster {

inline constexpr char kTimingKey[] = "muster-timing";

// See append_server_timing. The version is left out where the model has none.
void append_timing(const InferResponse& response, std::string& out);

}  // namespace muster
