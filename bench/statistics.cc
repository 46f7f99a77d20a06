// SPDX-License-Identifier: Apache-2.0
#include "bench/statistics.h"

#include <algorithm>

namespace muster::bench {

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

void put_into(Figures& figures, const LatencyHistogram& latencies) {
  if (latencies.count() == 0) return;
  figures["p50_us"] = latencies.percentile(50).count() * 1e3;
  figures["p90_us"] = latencies.percentile(90).count() * 1e3;
  figures["p99_us"] = latencies.percentile(99).count() * 1e3;
}

}  // namespace muster::bench
