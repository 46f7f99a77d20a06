// SPDX-License-Identifier: Apache-2.0
// What every experiment needs of Muster: the service, and requests over the caller's own memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <muster/service.h>

#include "bench/calls.h"
#include "bench/process_usage.h"
#include "bench/raw_runtime.h"
#include "bench/workload.h"

namespace muster::bench {

// One thread for each run, as the raw loop has. `max_batch_size` 0: as configured.
[[nodiscard]] std::unique_ptr<ModelService> open_service(const Workload& workload,
                                                         std::int64_t max_batch_size = 0);
[[nodiscard]] std::string model_file(const ModelService& service);
// The workload's instances, where 0 stands for the cores that it may use.
[[nodiscard]] int instances_of(const Workload& workload);

// A caller's rows of the model's only input.
class Rows {
 public:
  Rows(const ModelService& service, std::int64_t rows);
  // Made afresh, as an application does for every call.
  [[nodiscard]] InferRequest request() const;

 private:
  std::string input_;
  Shape shape_;
  std::vector<float> values_;
};

// The raw runtime's loops, each called by a thread of its own. Meant for one contender.
class RawLoops {
 public:
  RawLoops(const std::string& model_file, std::int64_t batch, int loops,
           const RawThreads& threads_of_each = {});
  // Whole runs alone: where a run takes a good part of that time, it is a little longer.
  [[nodiscard]] Figures measure(double seconds);

 private:
  RawRuntime runtime_;
  std::vector<std::unique_ptr<RawRuntime::Loop>> loops_;
};

}  // namespace muster::bench
