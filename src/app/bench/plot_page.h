// SPDX-License-Identifier: Apache-2.0
// The page that `muster bench --plot` writes, whatever was measured: a whole HTML document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <muster/status.h>

#include "app/bench/chart.h"

namespace muster {

// What was measured at one x, as both charts show it.
struct MeasuredPoint {
  double x = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double items_per_second = 0;
};

struct MeasuredLine {
  std::string label;
  std::vector<MeasuredPoint> points;  // in any order
};

// Latency and throughput over `across`, with a legend. "" where nothing was measured.
[[nodiscard]] std::string measured_charts(std::string_view latency_of, std::string_view across,
                                          const std::vector<MeasuredLine>& lines);
// "<h2>Not measured</h2>" with a list, or "".
[[nodiscard]] std::string list_of_misses(const std::vector<std::string>& misses);
// `model` and `conditions` may be any text, `body` is HTML.
[[nodiscard]] std::string plot_page(std::string_view model,
                                    const std::vector<std::string>& conditions,
                                    std::string_view body);

[[nodiscard]] Status write_page(const std::string& file, std::string_view page);

}  // namespace muster
