// SPDX-License-Identifier: Apache-2.0
// What the flags of `muster bench` say.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "app/bench/load_arguments.h"
#include "base/clock.h"

namespace muster {

struct BenchArguments {
  std::string model;   // "" = a server is measured
  LoadArguments load;  // by these
  std::vector<std::string> backends;
  std::vector<std::int64_t> batch_sizes;
  std::uint64_t iterations = 0;  // 0 = not given
  double seconds = 1;
  double warm_up_seconds = 0.3;
  int threads = 0;  // 0 = not given
  std::vector<std::string> shapes;
  std::string format = "table";
  std::string plot;
};

[[nodiscard]] inline Clock::Duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::Duration>(std::chrono::duration<double>(seconds));
}

// The first of each.
template <typename T>
[[nodiscard]] std::vector<T> without_repetitions(const std::vector<T>& values) {
  std::vector<T> once;
  for (const T& value : values) {
    if (std::ranges::find(once, value) == once.end()) once.push_back(value);
  }
  return once;
}

}  // namespace muster
