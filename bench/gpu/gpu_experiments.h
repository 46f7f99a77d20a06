// SPDX-License-Identifier: Apache-2.0
// What is compared on a GPU: TensorRT alone, and Muster's library on the same engine, in turn.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/experiment.h"
#include "bench/gpu/gpu_watch.h"
#include "bench/workload.h"

namespace muster::bench {

// The same engine and configuration, but for these parameters of the backend.
struct GpuVariant {
  std::string name;
  std::map<std::string, std::string> parameters;
};

struct GpuOrder {
  std::string plan;                               // the engine's file
  std::string beside;                             // another whose raw rate is measured, too
  std::map<std::string, std::string> parameters;  // of the backend
  std::vector<GpuVariant> variants;               // that are compared with each other
  bool on_gpu = true;                             // variants with inputs on the GPU as well
  int in_flight = 0;                              // requests; 0 = five batches
  int threads = 2;                                // that hand requests in
  std::int64_t rows = 1;                          // of a request
  std::vector<double> loads = {0.7, 0.8, 0.85, 0.9, 0.95};
  double p99_ms = 15;
  std::string program;                   // `muster`, for gpu_served
  std::vector<std::string> serve_words;  // more of its command line
  std::shared_ptr<GpuWatch> watch;
};

// By `workload.kind`: gpu_saturated, gpu_variants, gpu_one_by_one, gpu_poisson, gpu_gather or
// gpu_served; `workload.batch` is the largest batch.
[[nodiscard]] Experiment make_gpu_experiment(const Workload& workload, const GpuOrder& order);

}  // namespace muster::bench
