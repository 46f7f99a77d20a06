// SPDX-License-Identifier: Apache-2.0
// Single requests that come by Poisson, whatever the answers do (an open loop, as in MLPerf's
// Server scenario).
#pragma once

#include <muster/service.h>

#include "bench/gpu/engine_service.h"
#include "bench/statistics.h"

namespace muster::bench {

// `rate`: requests a second. p50_us, p90_us, p99_us count from the moment when a request was meant
// to be sent; items_per_s are those answered, by the time until the last answer. The same arrivals
// for the same rate.
[[nodiscard]] Figures poisson_requests(ModelService& service, const Pictures& pictures, double rate,
                                       double seconds);

}  // namespace muster::bench
