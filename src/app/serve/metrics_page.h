// SPDX-License-Identifier: Apache-2.0
// MetricsPage: all that the server counts, as Prometheus reads it. Made when it is asked for, so
// that a page nobody reads costs nothing. docs/metrics.md explains every name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/serve/process_counts.h"
#include "base/mutex.h"
#include "frontend/frontend_metrics.h"
#include "nvml/gpu_sampler.h"
#include "serving/repository/version_metrics.h"

namespace muster {

class MetricsPage {
 public:
  using VisitVersion = std::function<void(const VersionMetricsView&)>;
  // What is counted, by whom it is known. Borrowed: it outlives the page.
  struct Sources {
    std::function<void(const VisitVersion&)> visit_versions;
    std::function<bool()> ready;
    std::function<std::vector<GpuSample>()> gpus;  // waits for no GPU
    const FrontendMetrics& frontend;
    std::string version;  // of the program
  };

  explicit MetricsPage(Sources sources) : sources_(std::move(sources)) {}

  // The exposition, in the text format 0.0.4. Any thread.
  [[nodiscard]] std::string text();

 private:
  // Since the last call: which part of all CPUs was busy, 0 to 1.
  double cpu_use(const MachineCounts& now);

  const Sources sources_;
  Mutex mutex_;
  MachineCounts last_ MUSTER_GUARDED_BY(mutex_);
};

}  // namespace muster
