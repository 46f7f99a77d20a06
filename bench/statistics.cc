// SPDX-License-Identifier: Apache-2.0
#include "bench/statistics.h"

#include <algorithm>
#include <cmath>

namespace muster::bench {

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

void Latencies::add(const Latencies& other) {
  nanoseconds_.insert(nanoseconds_.end(), other.nanoseconds_.begin(), other.nanoseconds_.end());
}

void Latencies::put_into(Figures& figures) {
  if (nanoseconds_.empty()) return;
  std::sort(nanoseconds_.begin(), nanoseconds_.end());
  figures["p50_us"] = percentile_us(50);
  figures["p90_us"] = percentile_us(90);
  figures["p99_us"] = percentile_us(99);
}

// The nearest rank.
double Latencies::percentile_us(double percent) const {
  const auto rank =
      static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(count())));
  return nanoseconds_[std::max<std::size_t>(rank, 1) - 1] / 1e3;
}

}  // namespace muster::bench
