// SPDX-License-Identifier: Apache-2.0
// Where the time of an inference went, as HTTP's Server-Timing writes it: for HTTP's header and
// gRPC's trailing metadata.
#pragma once

#include <cstdint>
#include <string>

#include <muster/inference.h>

namespace muster {

// Appends "queue;dur=0.012, batch;dur=0.003;desc=\"rows=8\", compute;dur=0.120;desc=\"version=1\"":
// milliseconds, rounded to microseconds; `batch` is the copying together of its rows. A `version`
// of 0 is left out.
void append_server_timing(const BatchReport& batch, std::int64_t version, std::string& out);

}  // namespace muster
