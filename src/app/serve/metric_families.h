// SPDX-License-Identifier: Apache-2.0
// Families of metrics for the exposition: a name, what it means, and its values by labels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "metrics/instruments.h"

namespace muster {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

[[nodiscard]] prometheus::MetricFamily counter_family(const char* name, const char* help);
[[nodiscard]] prometheus::MetricFamily gauge_family(const char* name, const char* help);
[[nodiscard]] prometheus::MetricFamily histogram_family(const char* name, const char* help);

// To a family of counters or gauges.
void add_value(prometheus::MetricFamily& family, MetricLabels labels, double value);
inline void add_value(prometheus::MetricFamily& family, MetricLabels labels, std::uint64_t value) {
  add_value(family, std::move(labels), static_cast<double>(value));
}
// `labels` and one more.
[[nodiscard]] MetricLabels with_label(MetricLabels labels, const char* name, std::string value);

// In seconds.
void add_durations(prometheus::MetricFamily& family, MetricLabels labels,
                   const DurationHistogram::Snapshot& snapshot);
// `sum`: of all sizes. What is above 255 is counted by powers of two, so its bounds are 511, 1023,
// ...
void add_sizes(prometheus::MetricFamily& family, MetricLabels labels, const SizeHistogram& sizes,
               std::uint64_t sum);

[[nodiscard]] inline double in_seconds(std::chrono::nanoseconds length) {
  return std::chrono::duration<double>(length).count();
}

}  // namespace muster
