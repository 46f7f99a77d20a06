// SPDX-License-Identifier: Apache-2.0
// The best raw loop: what the runtime alone makes of all cores, in the best of several ways.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/load.h"

namespace muster::bench {

// One way to run a model on all cores: as many threads in each run, or as many runs side by side.
struct RawWay {
  std::int64_t batch = 1;
  int loops = 1;
  RawThreads threads;  // of each

  // "raw_8_rows_2_threads"
  [[nodiscard]] std::string name() const;
};

// At each batch size: one loop with a thread a core, that sleep or that spin; a loop of one thread
// a core.
[[nodiscard]] std::vector<RawWay> raw_ways(const std::vector<std::int64_t>& sizes, int cores);

struct RawLoop {
  RawWay way;
  std::shared_ptr<RawLoops> loops;
};

// Measures each for that long, one after the other, tells what came of it on standard output, and
// keeps the one with the most rows a second.
[[nodiscard]] RawLoop best_raw_loop(const std::string& model_file, const std::vector<RawWay>& ways,
                                    double seconds);

}  // namespace muster::bench
