// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace muster {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 380;
constexpr double kLeft = 80;
constexpr double kRight = kWidth - 20;
constexpr double kTop = 40;
constexpr double kBottom = kHeight - 50;
// Told apart by colour-blind readers too (Okabe and Ito).
constexpr std::array<std::string_view, 6> kColours = {"#0072b2", "#d55e00", "#009e73",
                                                      "#cc79a7", "#e69f00", "#56b4e9"};

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : printable(text, 4096)) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

struct PlotPoint {
  double x = 0;
  double y = 0;
};

struct PlotLine {
  std::string label;
  std::string_view colour;
  bool dashed = false;
  std::vector<PlotPoint> points;  // ascending by x
};

// Values to places along one side of a chart.
class Axis {
 public:
  // `lowest` and `highest` come to lie at `from` and `to`; both above 0 where it is logarithmic.
  Axis(bool logarithmic, double lowest, double highest, double from, double to)
      : logarithmic_(logarithmic), from_(from), to_(to), low_(scaled(lowest)) {
    span_ = scaled(highest) - low_;
    if (span_ <= 0) span_ = 1;
  }
  [[nodiscard]] double place(double value) const {
    return from_ + (to_ - from_) * (scaled(value) - low_) / span_;
  }

 private:
  [[nodiscard]] double scaled(double value) const {
    return logarithmic_ ? std::log2(value) : value;
  }

  bool logarithmic_;
  double from_;
  double to_;
  double low_;
  double span_ = 1;
};

// 1, 2 and 5 times powers of ten that enclose the range.
std::vector<double> decade_ticks(double lowest, double highest) {
  std::vector<double> ticks;
  for (int decade = -9; decade <= 12; ++decade) {
    for (const double step : {1.0, 2.0, 5.0})
      ticks.push_back(step * std::pow(10, decade));
  }
  const auto first = std::ranges::upper_bound(ticks, lowest);
  const auto last = std::ranges::lower_bound(ticks, highest);
  return {first == ticks.begin() ? first : first - 1, last == ticks.end() ? last : last + 1};
}

// From 0 in up to six even steps.
std::vector<double> even_ticks(double highest) {
  if (highest <= 0) return {0, 1};
  const double power = std::pow(10, std::floor(std::log10(highest / 5)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (highest / (factor * power) <= 6) step = factor * power;
  }
  std::vector<double> ticks;
  for (int i = 0; ticks.empty() || ticks.back() < highest; ++i)
    ticks.push_back(step * i);
  return ticks;
}

struct Chart {
  std::string title;
  std::string unit;  // of the values
  bool logarithmic = false;
  std::vector<PlotLine> lines;

  [[nodiscard]] std::string svg() const;

 private:
  [[nodiscard]] std::vector<double> value_ticks() const;
  [[nodiscard]] std::vector<double> sizes() const;
  [[nodiscard]] std::string grid(const Axis& across, const Axis& up) const;
};

std::vector<double> Chart::value_ticks() const {
  std::vector<double> values;
  for (const PlotLine& line : lines) {
    for (const PlotPoint& point : line.points)
      values.push_back(point.y);
  }
  const auto [lowest, highest] = std::ranges::minmax(values);
  return logarithmic ? decade_ticks(lowest, highest) : even_ticks(highest);
}

std::vector<double> Chart::sizes() const {
  std::vector<double> sizes;
  for (const PlotLine& line : lines) {
    for (const PlotPoint& point : line.points)
      sizes.push_back(point.x);
  }
  std::ranges::sort(sizes);
  const auto rest = std::ranges::unique(sizes);
  sizes.erase(rest.begin(), rest.end());
  return sizes;
}

std::string Chart::grid(const Axis& across, const Axis& up) const {
  std::string text;
  for (const double value : value_ticks()) {
    const double y = up.place(value);
    text += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n",
        kLeft, y, kRight, y, kLeft - 8, y + 4, value);
  }
  double free_from = 0;
  for (const double size : sizes()) {
    const double x = across.place(size);
    text += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", x, kTop,
        x, kBottom);
    // Numbers that would lie over one another are left out; their lines stay.
    if (x < free_from) continue;
    text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.0f}</text>\n", x,
                        kBottom + 18, size);
    free_from = x + 34;
  }
  return text;
}

std::string Chart::svg() const {
  const std::vector<double> ticks = value_ticks();
  const std::vector<double> across_sizes = sizes();
  const Axis across(true, across_sizes.front(), across_sizes.back(), kLeft, kRight - 10);
  const Axis up(logarithmic, ticks.front(), ticks.back(), kBottom, kTop);
  std::string text = fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">\n"
      "<text class=\"title\" x=\"{:.0f}\" y=\"20\">{} ({})</text>\n",
      kWidth, kHeight, escaped(title), kLeft, escaped(title), escaped(unit));
  text += grid(across, up);
  text += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">batch size</text>\n",
                      (kLeft + kRight) / 2, kHeight - 10);
  for (const PlotLine& line : lines) {
    text += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{} points=\"",
                        line.colour, line.dashed ? " stroke-dasharray=\"6 4\"" : "");
    for (const PlotPoint& point : line.points)
      text += fmt::format("{:.1f},{:.1f} ", across.place(point.x), up.place(point.y));
    text += "\"/>\n";
    for (const PlotPoint& point : line.points) {
      text += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"><title>{}, batch size {:.0f}: "
          "{:.6g} {}</title></circle>\n",
          across.place(point.x), up.place(point.y), line.colour, escaped(line.label), point.x,
          point.y, escaped(unit));
    }
  }
  return text + "</svg>\n";
}

std::vector<std::string> backends_of(const BenchResults& results) {
  std::vector<std::string> names;
  for (const BenchRow& row : results.rows) {
    if (std::ranges::find(names, row.backend) == names.end()) names.push_back(row.backend);
  }
  return names;
}

PlotLine line_of(const BenchResults& results, const std::string& backend, std::string_view what,
                 std::string_view colour, double BenchRow::*value) {
  PlotLine line{backend + std::string(what), colour, false, {}};
  for (const BenchRow& row : results.rows) {
    // A logarithmic axis has no place for what was too short to be told.
    const double y = std::max(row.*value, 1e-6);
    if (row.backend == backend) line.points.push_back({static_cast<double>(row.batch_size), y});
  }
  std::ranges::sort(line.points, {}, &PlotPoint::x);
  return line;
}

std::string charts(const BenchResults& results) {
  Chart latency{"Latency of a batch, p50 and p99 (dashed)", "ms", true, {}};
  Chart throughput{"Throughput", "items per second", false, {}};
  std::string legend = "<p class=\"legend\">";
  const std::vector<std::string> backends = backends_of(results);
  for (std::size_t i = 0; i < backends.size(); ++i) {
    const std::string_view colour = kColours[i % kColours.size()];
    legend +=
        fmt::format("<span style=\"color:{}\">&#9632; {}</span> ", colour, escaped(backends[i]));
    latency.lines.push_back(line_of(results, backends[i], " p50", colour, &BenchRow::p50_ms));
    latency.lines.push_back(line_of(results, backends[i], " p99", colour, &BenchRow::p99_ms));
    latency.lines.back().dashed = true;
    throughput.lines.push_back(
        line_of(results, backends[i], "", colour, &BenchRow::items_per_second));
  }
  return legend + "</p>\n<div class=\"charts\">\n" + latency.svg() + throughput.svg() + "</div>\n";
}

std::string figures(const BenchResults& results) {
  std::string text =
      "<table>\n<tr><th>backend</th><th>batch size</th><th>mean ms</th><th>p50 ms</th>"
      "<th>p90 ms</th><th>p99 ms</th><th>items/s</th><th>CPU us/item</th><th>RSS MiB</th>"
      "<th>runs</th></tr>\n";
  for (const BenchRow& row : results.rows) {
    text += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{:.4f}</td><td>{:.4f}</td><td>{:.4f}</td><td>{:.4f}</td>"
        "<td>{:.1f}</td><td>{:.2f}</td><td>{:.1f}</td><td>{}</td></tr>\n",
        escaped(row.backend), row.batch_size, row.mean_ms, row.p50_ms, row.p90_ms, row.p99_ms,
        row.items_per_second, row.cpu_us_per_item, row.rss_mib, row.runs);
  }
  return text + "</table>\n";
}

std::string misses(const BenchResults& results) {
  if (results.misses.empty()) return "";
  std::string text = "<h2>Not measured</h2>\n<ul>\n";
  for (const BenchMiss& miss : results.misses)
    text += "<li>" + escaped(describe_miss(miss)) + "</li>\n";
  return text + "</ul>\n";
}

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:1360px;padding:0 1em;"
    "color:#222;background:#fff}.charts{display:flex;flex-wrap:wrap;gap:1em}"
    "svg{flex:1 1 520px;font-size:12px;max-width:100%}svg .title{font-size:15px;font-weight:600}"
    "svg .grid{stroke:#ddd}.legend span{margin-right:1.5em;font-weight:600}"
    "table{border-collapse:collapse;margin-top:1em}td,th{padding:.2em .8em;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}";

}  // namespace

std::string bench_page(const BenchResults& results) {
  const std::string title = "muster bench " + escaped(results.model);
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n"
      "<style>{}</style>\n</head>\n<body>\n<h1>{}</h1>\n",
      title, kStyle, title);
  for (const std::string& condition : results.conditions)
    page += "<div>" + escaped(condition) + "</div>\n";
  if (!results.rows.empty()) page += charts(results) + figures(results);
  return page + misses(results) + "</body>\n</html>\n";
}

}  // namespace muster
