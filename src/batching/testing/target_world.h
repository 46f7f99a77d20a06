// SPDX-License-Identifier: Apache-2.0
// A world for batchers with a latency target: when requests come, what batches cost, and what a
// clairvoyant batcher, who knows all arrivals, could answer in time.
//
// Everything is decided by seeds. Requests have one row each.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace muster::testing {

struct World {
  std::string name;
  double fixed_ms = 1;    // of a batch
  double per_row_ms = 1;  // of each row of it
  std::int64_t max_rows = 32;
  double target_ms = 20;
  std::size_t runners = 1;

  [[nodiscard]] double cost_ms(std::int64_t rows) const {
    return fixed_ms + per_row_ms * static_cast<double>(rows);
  }
  // Rows a millisecond, of all runners, in the best batches that end within the target.
  [[nodiscard]] double capacity() const {
    double most = 0;
    for (std::int64_t rows = 1; rows <= max_rows && cost_ms(rows) <= target_ms; ++rows)
      most = std::max(most, static_cast<double>(rows) / cost_ms(rows));
    return most * static_cast<double>(runners);
  }
};

using Arrivals = std::vector<double>;  // in milliseconds, ascending

inline void add_poisson(Arrivals& arrivals, double begin, double end, double per_ms,
                        std::mt19937_64& random) {
  std::exponential_distribution<double> gap(per_ms);
  for (double at = begin + gap(random); at < end; at += gap(random))
    arrivals.push_back(at);
}

[[nodiscard]] inline Arrivals poisson(double per_ms, double length_ms, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Arrivals arrivals;
  add_poisson(arrivals, 0, length_ms, per_ms, random);
  return arrivals;
}

// A Poisson process of two states: a third of the time twice the rate, else half of it. Each burst
// lasts `burst_ms` in the mean.
[[nodiscard]] inline Arrivals bursts(double per_ms, double length_ms, double burst_ms,
                                     std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Arrivals arrivals;
  bool is_burst = false;
  for (double begin = 0; begin < length_ms; is_burst = !is_burst) {
    std::exponential_distribution<double> lasts(1 / (is_burst ? burst_ms : 2 * burst_ms));
    const double end = begin + lasts(random);
    add_poisson(arrivals, begin, std::min(end, length_ms), per_ms * (is_burst ? 2 : 0.5), random);
    begin = end;
  }
  return arrivals;
}

// What a run really takes: at least what the world says. Most take a little longer, one in 200 half
// as long again.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : random_(seed) {}
  [[nodiscard]] double factor() {
    const double hiccup = std::uniform_real_distribution<double>(0, 1)(random_) < 0.005 ? 0.5 : 0;
    return 1 + std::exponential_distribution<double>(1 / 0.03)(random_) + hiccup;
  }

 private:
  std::mt19937_64 random_;
};

// The most requests that one runner without noise can answer in time, exactly.
//
// In some best schedule the rows of a batch follow each other in the order of arrival, and so do
// the batches: all have the same time left from their arrival, so that a row that was passed over
// may take the place of the batch's first, which came earlier and is due earlier, and nobody
// becomes late. So a schedule is a walk along the arrivals that passes one over or makes a batch of
// the next few. free[j][d]: the earliest moment at which the runner is free, where of the first j
// requests d are passed over and all others are answered in time. Who passed over more and is free
// no earlier needs no further look.
[[nodiscard]] inline std::size_t most_in_time_with_one_runner(const Arrivals& arrivals,
                                                              const World& world) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  const auto most_rows = static_cast<std::size_t>(world.max_rows);
  std::vector<std::vector<double>> free(most_rows + 1);  // by j modulo its size
  const auto offer = [&](std::vector<double>& at, std::size_t passed, double moment) {
    if (at.size() <= passed) at.resize(passed + 1, kNever);
    at[passed] = std::min(at[passed], moment);
  };
  free[0] = {0};
  for (std::size_t j = 0; j < arrivals.size(); ++j) {
    const std::vector<double> here = std::exchange(free[j % free.size()], {});
    double earliest = kNever;
    for (std::size_t passed = 0; passed < here.size(); ++passed) {
      if (here[passed] >= earliest) continue;
      earliest = here[passed];
      offer(free[(j + 1) % free.size()], passed + 1, earliest);
      for (std::size_t rows = 1; rows <= most_rows && j + rows <= arrivals.size(); ++rows) {
        const double end = std::max(earliest, arrivals[j + rows - 1]) +
                           world.cost_ms(static_cast<std::int64_t>(rows));
        if (end > arrivals[j] + world.target_ms) break;
        offer(free[(j + rows) % free.size()], passed, end);
      }
      if (earliest <= arrivals[j]) break;  // nobody who passes over more is ahead
    }
  }
  const std::vector<double>& end = free[arrivals.size() % free.size()];
  const auto fewest = std::ranges::find_if(end, [](double at) { return at < kNever; });
  return arrivals.size() - static_cast<std::size_t>(fewest - end.begin());
}

// No number of runners that work side by side can answer more in time. Each row is given the time
// that it takes in the best batch, and that may be cut into pieces: a batch of k rows that runs
// from s to e gives each of its rows (e - s) / k, at least that, within its time. What is left is
// one machine with equal pieces of work that are due in the order in which they come; there, who
// takes each that can still be done has done the most.
[[nodiscard]] inline std::size_t most_in_time_by_rate(const Arrivals& arrivals,
                                                      const World& world) {
  const double work = 1 / world.capacity();
  double busy_until = 0;
  std::size_t done = 0;
  for (const double arrival : arrivals) {
    const double end = std::max(busy_until, arrival) + work;
    if (end > arrival + world.target_ms) continue;
    busy_until = end;
    ++done;
  }
  return done;
}

// At least what any batcher can answer in time in this world, whatever it knows.
[[nodiscard]] inline std::size_t clairvoyant_bound(const Arrivals& arrivals, const World& world) {
  return world.runners == 1 ? most_in_time_with_one_runner(arrivals, world)
                            : most_in_time_by_rate(arrivals, world);
}

}  // namespace muster::testing
