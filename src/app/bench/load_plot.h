// SPDX-License-Identifier: Apache-2.0
// The page that `muster bench --url --plot` writes: latency and throughput of closed loops against
// their concurrency, of open ones against their rate, with the figures of every load below.
#pragma once

#include <string>
#include <vector>

#include "app/bench/load_results.h"

namespace muster {

struct LoadResults {
  std::string model;
  std::vector<std::string> conditions;  // for people, one line each
  std::vector<LoadRow> rows;
  std::vector<std::string> misses;
};

// A whole HTML document. Text in `results` may be anything.
[[nodiscard]] std::string load_page(const LoadResults& results);

}  // namespace muster
