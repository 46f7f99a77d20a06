// SPDX-License-Identifier: Apache-2.0
// The metrics of models that have a latency target. Others have none of these series.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "app/serve/metric_families.h"
#include "base/clock.h"
#include "batching/target/target_metrics.h"

namespace muster {

class TargetFamilies {
 public:
  TargetFamilies();

  void add(const MetricLabels& labels, const TargetMetrics& target, Clock::TimePoint now);
  // Once, at the end.
  void move_into(std::vector<prometheus::MetricFamily>& page);

 private:
  prometheus::MetricFamily target_, delivery_, arrivals_, cost_, decisions_, dropped_;
};

}  // namespace muster
