// SPDX-License-Identifier: Apache-2.0
// Medians of what was measured, and percentiles as figures.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "measuring/latency_histogram.h"

namespace muster::bench {

// The figures of one contender in one round, by name. A name says its unit at its end.
using Figures = std::map<std::string, double>;

struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

// Of at least one value.
[[nodiscard]] Spread spread_of(std::vector<double> values);

// p50_us, p90_us, p99_us; nothing where nothing was recorded.
void put_into(Figures& figures, const LatencyHistogram& latencies);

}  // namespace muster::bench
