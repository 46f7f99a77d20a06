// SPDX-License-Identifier: Apache-2.0
// What gathering rows into pinned memory costs by itself, by how it is copied and what pages it
// lies in.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bench/experiment.h"

namespace muster::bench {

struct GatherOrder {
  std::size_t row_bytes = 0;
  std::int64_t batch = 1;  // rows
  int threads = 1;         // that gather side by side, each into a room of its own
  double seconds = 1;
};

// items_per_s are rows of all threads together.
[[nodiscard]] Experiment gathers(const GatherOrder& order);

}  // namespace muster::bench
