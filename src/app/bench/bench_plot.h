// SPDX-License-Identifier: Apache-2.0
// The page that `muster bench --plot` writes: latency and throughput against batch size as inline
// SVG, with the figures below. It needs nothing from elsewhere and runs no script.
#pragma once

#include <string>

#include "app/bench/bench_results.h"

namespace muster {

// A whole HTML document. Text in `results` may be anything.
[[nodiscard]] std::string bench_page(const BenchResults& results);

}  // namespace muster
