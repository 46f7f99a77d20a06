// SPDX-License-Identifier: Apache-2.0
#include "app/bench/chart.h"

#include <algorithm>
#include <array>
#include <cmath>

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

}  // namespace

// Values to places along one side of a chart.
class ChartAxis {
 public:
  // `lowest` and `highest` come to lie at `from` and `to`; both above 0 where it is logarithmic.
  ChartAxis(bool logarithmic, double lowest, double highest, double from, double to)
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

std::string_view chart_colour(std::size_t line) noexcept {
  return kColours[line % kColours.size()];
}

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

std::vector<double> Chart::value_ticks() const {
  std::vector<double> values;
  for (const PlotLine& line : lines) {
    for (const PlotPoint& point : line.points)
      values.push_back(point.y);
  }
  const auto [lowest, highest] = std::ranges::minmax(values);
  return logarithmic ? decade_ticks(lowest, highest) : even_ticks(highest);
}

std::vector<double> Chart::places() const {
  std::vector<double> places;
  for (const PlotLine& line : lines) {
    for (const PlotPoint& point : line.points)
      places.push_back(point.x);
  }
  std::ranges::sort(places);
  const auto rest = std::ranges::unique(places);
  places.erase(rest.begin(), rest.end());
  return places;
}

std::string Chart::grid(const ChartAxis& to_the_right, const ChartAxis& up) const {
  std::string text;
  for (const double value : value_ticks()) {
    const double y = up.place(value);
    text += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n",
        kLeft, y, kRight, y, kLeft - 8, y + 4, value);
  }
  double free_from = 0;
  for (const double value : places()) {
    const double x = to_the_right.place(value);
    text += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", x, kTop,
        x, kBottom);
    // Numbers that would lie over one another are left out; their lines stay.
    if (x < free_from) continue;
    text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:g}</text>\n", x,
                        kBottom + 18, value);
    free_from = x + 34;
  }
  return text;
}

std::string Chart::svg() const {
  const std::vector<double> ticks = value_ticks();
  const std::vector<double> all = places();
  const ChartAxis to_the_right(true, all.front(), all.back(), kLeft, kRight - 10);
  const ChartAxis up(logarithmic, ticks.front(), ticks.back(), kBottom, kTop);
  std::string text = fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">\n"
      "<text class=\"title\" x=\"{:.0f}\" y=\"20\">{} ({})</text>\n",
      kWidth, kHeight, escaped(title), kLeft, escaped(title), escaped(unit));
  text += grid(to_the_right, up);
  text += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n",
                      (kLeft + kRight) / 2, kHeight - 10, escaped(across));
  for (const PlotLine& line : lines) {
    text += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{} points=\"",
                        line.colour, line.dashed ? " stroke-dasharray=\"6 4\"" : "");
    for (const PlotPoint& point : line.points)
      text += fmt::format("{:.1f},{:.1f} ", to_the_right.place(point.x), up.place(point.y));
    text += "\"/>\n";
    for (const PlotPoint& point : line.points) {
      text += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"><title>{}, {} {:g}: "
          "{:.6g} {}</title></circle>\n",
          to_the_right.place(point.x), up.place(point.y), line.colour, escaped(line.label),
          escaped(across), point.x, point.y, escaped(unit));
    }
  }
  return text + "</svg>\n";
}

}  // namespace muster
