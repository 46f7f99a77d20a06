// SPDX-License-Identifier: Apache-2.0
// A model with one backend, measured at each batch size on the calling thread, in the process that
// is there for it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/subject/model_subject.h"
#include "measuring/measure_batches.h"
#include "measuring/own_process.h"
#include "measuring/sample_inputs.h"

namespace muster {

// Opens a backend, measures the sizes in their order, and reports down the line (bench_report.h):
// that it has opened the model, or a miss of no size, which is then the last; a row or a miss for
// each size. `sizes` empty: 1, 2, 4, ... up to the model's largest.
using BackendWork = std::function<void(const std::string& backend,
                                       const std::vector<std::int64_t>& sizes, MessageLine& line)>;

struct BenchOrder {
  RowShapes shapes;
  int threads = 1;
  MeasuringExtent extent;
};

// All arguments must outlive what it returns.
[[nodiscard]] BackendWork backend_bench(const ModelSubject& subject, const BenchOrder& order,
                                        Clock& clock, UsageMeter& usage);

}  // namespace muster
