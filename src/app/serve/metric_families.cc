// SPDX-License-Identifier: Apache-2.0
#include "app/serve/metric_families.h"

#include <array>
#include <limits>
#include <utility>

namespace muster {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr auto kSizeBounds =
    std::to_array<std::int64_t>({1, 2, 4, 8, 16, 32, 64, 128, 255, 511, 1023, 2047, 4095});

MetricFamily family_of(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

// `size` as SizeHistogram tells it: a power of two from 256 on stands for all up to the next.
std::int64_t largest_meant_by(std::int64_t size) {
  return size < 256 ? size : 2 * size - 1;
}

}  // namespace

MetricFamily counter_family(const char* name, const char* help) {
  return family_of(name, help, MetricType::Counter);
}

MetricFamily gauge_family(const char* name, const char* help) {
  return family_of(name, help, MetricType::Gauge);
}

MetricFamily histogram_family(const char* name, const char* help) {
  return family_of(name, help, MetricType::Histogram);
}

void add_value(MetricFamily& family, MetricLabels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

MetricLabels with_label(MetricLabels labels, const char* name, std::string value) {
  labels.push_back({name, std::move(value)});
  return labels;
}

void add_durations(MetricFamily& family, MetricLabels labels,
                   const DurationHistogram::Snapshot& snapshot) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.histogram.sample_count = snapshot.count();
  metric.histogram.sample_sum = in_seconds(snapshot.total);
  for (std::size_t i = 0; i < kDurationBounds.size(); ++i)
    metric.histogram.bucket.push_back({snapshot.cumulative[i], in_seconds(kDurationBounds[i])});
  metric.histogram.bucket.push_back({snapshot.count(), std::numeric_limits<double>::infinity()});
  family.metric.push_back(std::move(metric));
}

void add_sizes(MetricFamily& family, MetricLabels labels, const SizeHistogram& sizes,
               std::uint64_t sum) {
  const auto counts = sizes.counts();
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.histogram.sample_sum = static_cast<double>(sum);
  auto next = counts.begin();
  std::uint64_t so_far = 0;
  for (const std::int64_t bound : kSizeBounds) {
    for (; next != counts.end() && largest_meant_by(next->first) <= bound; ++next)
      so_far += next->second;
    metric.histogram.bucket.push_back({so_far, static_cast<double>(bound)});
  }
  for (; next != counts.end(); ++next)
    so_far += next->second;
  metric.histogram.bucket.push_back({so_far, std::numeric_limits<double>::infinity()});
  metric.histogram.sample_count = so_far;
  family.metric.push_back(std::move(metric));
}

}  // namespace muster
