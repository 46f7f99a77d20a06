// SPDX-License-Identifier: Apache-2.0
#include "app/bench/plot_page.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:1360px;padding:0 1em;"
    "color:#222;background:#fff}.charts{display:flex;flex-wrap:wrap;gap:1em}"
    "svg{flex:1 1 520px;font-size:12px;max-width:100%}svg .title{font-size:15px;font-weight:600}"
    "svg .grid{stroke:#ddd}.legend span{margin-right:1.5em;font-weight:600}"
    "table{border-collapse:collapse;margin-top:1em}td,th{padding:.2em .8em;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}";

PlotLine line_of(const MeasuredLine& measured, std::string_view what, std::string_view colour,
                 double MeasuredPoint::*value) {
  PlotLine line{measured.label + std::string(what), colour, false, {}};
  // A logarithmic axis has no place for what was too short to be told.
  for (const MeasuredPoint& point : measured.points)
    line.points.push_back({point.x, std::max(point.*value, 1e-6)});
  std::ranges::sort(line.points, {}, &PlotPoint::x);
  return line;
}

}  // namespace

std::string measured_charts(std::string_view latency_of, std::string_view across,
                            const std::vector<MeasuredLine>& lines) {
  if (lines.empty()) return "";
  Chart latency{fmt::format("Latency of {}, p50 and p99 (dashed)", latency_of), "ms",
                std::string(across), true};
  Chart throughput{"Throughput", "items per second", std::string(across)};
  std::string legend = "<p class=\"legend\">";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view colour = chart_colour(i);
    legend +=
        fmt::format("<span style=\"color:{}\">&#9632; {}</span> ", colour, escaped(lines[i].label));
    latency.lines.push_back(line_of(lines[i], " p50", colour, &MeasuredPoint::p50_ms));
    latency.lines.push_back(line_of(lines[i], " p99", colour, &MeasuredPoint::p99_ms));
    latency.lines.back().dashed = true;
    throughput.lines.push_back(line_of(lines[i], "", colour, &MeasuredPoint::items_per_second));
  }
  return legend + "</p>\n<div class=\"charts\">\n" + latency.svg() + throughput.svg() + "</div>\n";
}

std::string list_of_misses(const std::vector<std::string>& misses) {
  if (misses.empty()) return "";
  std::string text = "<h2>Not measured</h2>\n<ul>\n";
  for (const std::string& miss : misses)
    text += "<li>" + escaped(miss) + "</li>\n";
  return text + "</ul>\n";
}

std::string plot_page(std::string_view model, const std::vector<std::string>& conditions,
                      std::string_view body) {
  const std::string title = "muster bench " + escaped(model);
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n"
      "<style>{}</style>\n</head>\n<body>\n<h1>{}</h1>\n",
      title, kStyle, title);
  for (const std::string& condition : conditions)
    page += "<div>" + escaped(condition) + "</div>\n";
  page += body;
  return page + "</body>\n</html>\n";
}

Status write_page(const std::string& file, std::string_view page) {
  std::ofstream stream(file, std::ios::binary);
  stream << page;
  stream.close();
  return stream ? Status() : failed_precondition(printable(file, 4096) + " cannot be written");
}

}  // namespace muster
