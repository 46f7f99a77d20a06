// SPDX-License-Identifier: Apache-2.0
// BenchRun: one model, measured with each backend at each batch size, one after the other, on the
// calling thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/bench/bench_results.h"
#include "app/subject/model_subject.h"
#include "measuring/measure_batches.h"
#include "measuring/sample_inputs.h"

namespace muster {

// Beside which the loop's own work is worth a word (BatchMeasurement::own_share).
inline constexpr double kNotableOwnShare = 0.03;

struct BenchOrder {
  std::vector<std::string> backends;
  std::vector<std::int64_t> batch_sizes;  // empty: 1, 2, 4, ... up to the model's largest
  RowShapes shapes;
  int threads = 1;
  MeasuringExtent extent;
};

// Called as things become known. All are needed.
struct BenchListener {
  std::function<void(const std::string& backend, const std::string& runtime)> opened;
  std::function<void(const BenchRow&)> measured;
  std::function<void(const BenchMiss&)> missed;
  // The row was measured, and the loop's own work beside its runs was that part of the whole.
  std::function<void(const BenchRow&, double own_share)> disturbed;
};

// Every backend and batch size of the order ends in `measured` or `missed`. A backend and its model
// are gone before the next is opened.
void run_bench(const ModelSubject& subject, const BenchOrder& order, const BenchListener& listener,
               Clock& clock, UsageMeter& usage);

}  // namespace muster
