// SPDX-License-Identifier: Apache-2.0
#include "app/advise/reading.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace muster {
namespace {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::vector<double> values_of(std::span<const Reading> readings, double Figures::*figure) {
  std::vector<double> values;
  for (const Reading& reading : readings)
    values.push_back(reading.figures.*figure);
  return values;
}

}  // namespace

Figures medians(std::span<const Reading> readings) {
  Figures figures;
  for (double Figures::*const figure :
       {&Figures::items_per_second, &Figures::p50_ms, &Figures::p99_ms, &Figures::cpu_us_per_item})
    figures.*figure = median(values_of(readings, figure));
  return figures;
}

double spread_of(std::span<const Reading> readings) {
  if (readings.size() < 2) return 0;
  const std::vector<double> rates = values_of(readings, &Figures::items_per_second);
  const auto [least, most] = std::ranges::minmax(rates);
  const double middle = median(rates);
  return middle > 0 ? (most - least) / middle : 0;
}

}  // namespace muster
