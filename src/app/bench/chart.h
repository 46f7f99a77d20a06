// SPDX-License-Identifier: Apache-2.0
// Charts as inline SVG: lines of values over something that doubles from point to point. They need
// nothing from elsewhere and run no script.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

// Text from outside, for HTML.
[[nodiscard]] std::string escaped(std::string_view text);
// For the so manieth line; some repeat.
[[nodiscard]] std::string_view chart_colour(std::size_t line) noexcept;

struct PlotPoint {
  double x = 0;  // above 0
  double y = 0;
};

struct PlotLine {
  std::string label;
  std::string_view colour;
  bool dashed = false;
  std::vector<PlotPoint> points;  // ascending by x
};

class ChartAxis;

// At least one line has a point.
struct Chart {
  std::string title;
  std::string unit;          // of the values
  std::string across;        // what the points are over: "batch size"
  bool logarithmic = false;  // the values, which are then above 0
  std::vector<PlotLine> lines = {};

  [[nodiscard]] std::string svg() const;

 private:
  [[nodiscard]] std::vector<double> value_ticks() const;
  [[nodiscard]] std::vector<double> places() const;
  [[nodiscard]] std::string grid(const ChartAxis& to_the_right, const ChartAxis& up) const;
};

}  // namespace muster
