// SPDX-License-Identifier: Apache-2.0
// What every experiment needs of Muster: the service, and requests over the caller's own memory.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <muster/service.h>

#include "bench/process_usage.h"
#include "bench/raw_runtime.h"
#include "bench/workload.h"

namespace muster::bench {

// Failures end the benchmark.
template <typename T>
T expect(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().to_string());
  return std::move(result).value();
}
inline void expect(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.to_string());
}

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

// Calls `call` over and over for that long; each counts as `items`.
template <typename Call>
Figures measure_calls(double seconds, std::int64_t items, Call&& call) {
  const auto length = std::chrono::duration<double>(seconds);
  for (const auto start = WallClock::now(); WallClock::now() - start < length / 20;)
    call();
  LatencyHistogram latencies;
  const Usage usage;
  const auto begin = WallClock::now();
  for (auto last = begin; last - begin < length;) {
    const auto start = WallClock::now();
    call();
    last = WallClock::now();
    latencies.record(last - start);
  }
  Figures figures;
  usage.put_into(figures, static_cast<double>(latencies.count()) * static_cast<double>(items));
  put_into(figures, latencies);
  return figures;
}

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
