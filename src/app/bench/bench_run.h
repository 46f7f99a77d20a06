// SPDX-License-Identifier: Apache-2.0
// BenchRun: one model, measured with each backend at each batch size, one after the other. Each
// backend has a process of its own, so that the memory in its rows is its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/bench/backend_bench.h"
#include "app/bench/bench_results.h"

namespace muster {

// Beside which the loop's own work is worth a word (BatchMeasurement::own_share).
inline constexpr double kNotableOwnShare = 0.03;

// Called as things become known. All are needed.
struct BenchListener {
  std::function<void(const std::string& backend, const std::string& runtime)> opened;
  std::function<void(const BenchRow&)> measured;
  std::function<void(const BenchMiss&)> missed;
  // The row was measured, and the loop's own work beside its runs was that part of the whole.
  std::function<void(const BenchRow&, double own_share)> disturbed;
};

// Every backend and batch size ends in `measured` or `missed`. `work` runs in the processes of the
// backends, one at a time; where a batch size ends the process, the sizes behind it have another.
// `batch_sizes` empty: 1, 2, 4, ... up to the model's largest. As OwnProcess, which it uses, it
// wants no thread here that computes.
void run_bench(const std::vector<std::string>& backends,
               const std::vector<std::int64_t>& batch_sizes, const BackendWork& work,
               const BenchListener& listener);

}  // namespace muster
