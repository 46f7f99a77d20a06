// SPDX-License-Identifier: Apache-2.0
// Medians and percentiles of what was measured.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace muster::bench {

// The figures of one contender in one round, by name. A name says its unit at its end.
using Figures = std::map<std::string, double>;

struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

// Of at least one value.
[[nodiscard]] Spread spread_of(std::vector<double> values);

// Latencies of single calls.
class Latencies {
 public:
  void reserve(std::size_t calls) { nanoseconds_.reserve(calls); }
  void record(std::int64_t nanoseconds) {
    nanoseconds_.push_back(static_cast<std::uint32_t>(nanoseconds));
  }
  void add(const Latencies& other);
  [[nodiscard]] std::size_t count() const noexcept { return nanoseconds_.size(); }
  // p50_us, p90_us, p99_us; nothing where nothing was recorded.
  void put_into(Figures& figures);

 private:
  [[nodiscard]] double percentile_us(double percent) const;

  std::vector<std::uint32_t> nanoseconds_;  // up to 4.2 s, longer than any call here may take
};

}  // namespace muster::bench
