// SPDX-License-Identifier: Apache-2.0
// The metrics of models and their versions: Muster's own names, and those of Triton that existing
// dashboards read.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "app/serve/metric_families.h"
#include "app/serve/target_families.h"
#include "serving/repository/version_metrics.h"

namespace muster {

class VersionFamilies {
 public:
  VersionFamilies();

  void add(const VersionMetricsView& version);
  // Once, at the end.
  void move_into(std::vector<prometheus::MetricFamily>& page);

 private:
  using Family = prometheus::MetricFamily;

  void add_requests(const MetricLabels& labels, const VersionMetrics& counted);
  void add_batches(const MetricLabels& labels, const BatchingMetrics& batching);
  void add_model(const MetricLabels& labels, const VersionMetricsView& version);
  void add_preparation(const MetricLabels& labels, const VersionMetricsView& version);

  Family requests_, inferences_, request_duration_, queue_duration_, waiting_, in_flight_;
  Family batches_, batches_split_, batch_rows_, compute_duration_, stage_seconds_;
  Family state_, load_seconds_, loads_, compiled_cache_, runtime_;
  Family preparation_state_, preparation_progress_, preparations_;
  TargetFamilies target_;
};

class TritonFamilies {
 public:
  TritonFamilies();

  void add(const VersionMetricsView& version);
  void move_into(std::vector<prometheus::MetricFamily>& page);

 private:
  using Family = prometheus::MetricFamily;

  Family success_, failure_, count_, exec_count_;
  Family request_duration_, queue_duration_, input_duration_, infer_duration_, output_duration_;
  Family pending_;
};

}  // namespace muster
