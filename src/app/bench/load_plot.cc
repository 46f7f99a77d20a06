// SPDX-License-Identifier: Apache-2.0
#include "app/bench/load_plot.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "app/bench/plot_page.h"

namespace muster {
namespace {

// What a row is over in a chart; nothing where it stands in none.
using Across = std::optional<double> (*)(const LoadRow& row);

std::optional<double> concurrency_of(const LoadRow& row) {
  // Those of a scenario are no choice of the one who measures.
  if (row.load != kClosedLoad || !row.concurrency) return std::nullopt;
  return *row.concurrency;
}

std::optional<double> rate_of(const LoadRow& row) {
  return row.rate;
}

std::vector<MeasuredLine> lines_of(const LoadResults& results, Across across) {
  std::vector<MeasuredLine> lines;
  for (const LoadRow& row : results.rows) {
    const std::optional<double> x = across(row);
    if (!x) continue;
    const std::string label = fmt::format("{}, batch size {}", row.load, row.batch_size);
    auto line = std::ranges::find(lines, label, &MeasuredLine::label);
    if (line == lines.end()) line = lines.insert(lines.end(), MeasuredLine{label, {}});
    line->points.push_back({*x, row.p50_ms, row.p99_ms, row.items_per_second});
  }
  return lines;
}

std::string cell(const std::optional<double>& value, int decimals = 0) {
  return value ? fmt::format("{:.{}f}", *value, decimals) : "";
}

std::string figures(const LoadResults& results) {
  if (results.rows.empty()) return "";
  std::string text =
      "<table>\n<tr><th>load</th><th>concurrency</th><th>rate</th><th>batch size</th>"
      "<th>mean ms</th><th>p50 ms</th><th>p90 ms</th><th>p99 ms</th><th>items/s</th>"
      "<th>CPU us/item</th><th>RSS MiB</th><th>client CPU us/item</th><th>answered</th>"
      "<th>refused</th><th>failed</th><th>limit</th></tr>\n";
  for (const LoadRow& row : results.rows) {
    text += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.4f}</td><td>{:.4f}</td>"
        "<td>{:.4f}</td><td>{:.4f}</td><td>{:.1f}</td><td>{}</td><td>{}</td><td>{:.2f}</td>"
        "<td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        escaped(row.load), row.concurrency ? std::to_string(*row.concurrency) : "",
        row.rate ? fmt::format("{}", *row.rate) : "", row.batch_size, row.mean_ms, row.p50_ms,
        row.p90_ms, row.p99_ms, row.items_per_second, cell(row.cpu_us_per_item, 2),
        cell(row.rss_mib, 1), row.client_cpu_us_per_item, row.answered, row.refused, row.failed,
        escaped(fmt::format("{}", fmt::join(row.limits, "; "))));
  }
  return text + "</table>\n";
}

}  // namespace

std::string load_page(const LoadResults& results) {
  return plot_page(
      results.model, results.conditions,
      measured_charts("a request", "requests in flight", lines_of(results, concurrency_of)) +
          measured_charts("a request", "requests a second", lines_of(results, rate_of)) +
          figures(results) + list_of_misses(results.misses));
}

}  // namespace muster
