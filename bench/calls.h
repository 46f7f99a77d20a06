// SPDX-License-Identifier: Apache-2.0
// What is called over and over, and what ends a benchmark.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include <muster/status.h>

#include "bench/process_usage.h"
#include "bench/statistics.h"

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

}  // namespace muster::bench
