// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_plot.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "app/bench/plot_page.h"

namespace muster {
namespace {

std::vector<MeasuredLine> lines_of(const BenchResults& results) {
  std::vector<MeasuredLine> lines;
  for (const BenchRow& row : results.rows) {
    auto line = std::ranges::find(lines, row.backend, &MeasuredLine::label);
    if (line == lines.end()) line = lines.insert(lines.end(), MeasuredLine{row.backend, {}});
    line->points.push_back(
        {static_cast<double>(row.batch_size), row.p50_ms, row.p99_ms, row.items_per_second});
  }
  return lines;
}

std::string figures(const BenchResults& results) {
  if (results.rows.empty()) return "";
  std::string text =
      "<table>\n<tr><th>backend</th><th>batch size</th><th>mean ms</th><th>p50 ms</th>"
      "<th>p90 ms</th><th>p99 ms</th><th>items/s</th><th>CPU us/item</th><th>RSS MiB</th>"
      "<th>GPU MiB</th><th>runs</th></tr>\n";
  for (const BenchRow& row : results.rows) {
    text += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{:.4f}</td><td>{:.4f}</td><td>{:.4f}</td><td>{:.4f}</td>"
        "<td>{:.1f}</td><td>{:.2f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{}</td></tr>\n",
        escaped(row.backend), row.batch_size, row.mean_ms, row.p50_ms, row.p90_ms, row.p99_ms,
        row.items_per_second, row.cpu_us_per_item, row.rss_mib, row.gpu_mib, row.runs);
  }
  return text + "</table>\n";
}

}  // namespace

std::string bench_page(const BenchResults& results) {
  std::vector<std::string> misses;
  for (const BenchMiss& miss : results.misses)
    misses.push_back(describe_miss(miss));
  return plot_page(results.model, results.conditions,
                   measured_charts("a batch", "batch size", lines_of(results)) + figures(results) +
                       list_of_misses(misses));
}

}  // namespace muster
