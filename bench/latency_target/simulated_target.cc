// SPDX-License-Identifier: Apache-2.0
// A latency target in a simulated world: the real queue on a clock of its own, beside a batcher
// that knows all arrivals, and the best of twelve settings by hand, with and without a timeout.
// Rounds differ in their seed.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "batching/testing/setting_grid.h"
#include "bench/experiment.h"
#include "bench/latency_target/world.h"

namespace muster::bench {
namespace {

constexpr const char* kGrid = "grid";
constexpr const char* kTimedGrid = "grid_with_timeouts";

void put_setting(Figures& figures, const std::string& grid, const testing::GridBest& best,
                 double bound) {
  figures[grid + "_of_clairvoyant"] = static_cast<double>(best.in_time) / bound;
  figures[grid + "_late_percent"] = best.late_percent;
  figures[grid + "_rows"] = static_cast<double>(best.max_rows);
  figures[grid + "_delay_ms"] = best.delay_ms;
}

Figures simulate(const Workload& workload, double load, bool in_bursts, std::uint64_t seed) {
  const testing::World world = world_of(workload);
  const double rate = load * world.capacity();
  const double length_ms = workload.requests / rate;
  const testing::Arrivals arrivals =
      in_bursts ? testing::bursts(rate, length_ms, kTargetsOfABurst * world.target_ms, seed)
                : testing::poisson(rate, length_ms, seed);
  const auto bound = static_cast<double>(testing::clairvoyant_bound(arrivals, world));
  const testing::Outcome outcome = testing::run_with_target(world, arrivals, seed);
  Figures figures = {{"clairvoyant_percent", 100 * bound / static_cast<double>(arrivals.size())},
                     {"of_clairvoyant", static_cast<double>(outcome.in_time) / bound},
                     {"late_percent", outcome.late_percent()},
                     {"rows_per_batch", static_cast<double>(outcome.in_time + outcome.late) /
                                            static_cast<double>(outcome.batches)}};
  put_setting(figures, kGrid, testing::best_of_grid(world, arrivals, false, seed), bound);
  put_setting(figures, kTimedGrid, testing::best_of_grid(world, arrivals, true, seed), bound);
  return figures;
}

// Over the contenders of a round.
double extreme(const Round& round, bool least, double (*of)(const Figures&)) {
  double found = of(round.begin()->second);
  for (const auto& [name, figures] : round)
    found = least ? std::min(found, of(figures)) : std::max(found, of(figures));
  return found;
}

// The grid whose best setting is held against: the plain one, or the better of both.
std::string grid_of(const Figures& one, bool timed) {
  const auto of = [&](const std::string& grid) { return one.at(grid + "_of_clairvoyant"); };
  return timed && of(kTimedGrid) > of(kGrid) ? kTimedGrid : kGrid;
}
double of_grid(const Figures& one, bool timed) {
  return one.at("of_clairvoyant") / std::max(1e-9, one.at(grid_of(one, timed) + "_of_clairvoyant"));
}

// The load at which least is answered of what the best setting there answers, and that setting.
std::string where_least_of_grid(const Round& round, bool timed) {
  const auto worst = std::ranges::min_element(
      round, {}, [&](const auto& named) { return of_grid(named.second, timed); });
  const Figures& figures = worst->second;
  const std::string grid = grid_of(figures, timed);
  return fmt::format("{}: {:g} rows, delay {:g} ms{}, {:.2f} % late", worst->first,
                     figures.at(grid + "_rows"), figures.at(grid + "_delay_ms"),
                     grid == kTimedGrid ? ", with a timeout" : "",
                     figures.at(grid + "_late_percent"));
}

Comparison least_of_grid(const std::string& name, bool timed) {
  return {name,
          [timed](const Round& round) {
            double least = of_grid(round.begin()->second, timed);
            for (const auto& [load, figures] : round)
              least = std::min(least, of_grid(figures, timed));
            return least;
          },
          [timed](const Round& round) { return where_least_of_grid(round, timed); }};
}

double mean(const Round& round, const std::string& figure) {
  double sum = 0;
  for (const auto& [name, figures] : round)
    sum += figures.at(figure);
  return sum / static_cast<double>(round.size());
}

}  // namespace

Experiment simulated_target(const Workload& workload) {
  Experiment experiment;
  for (const std::string& arrivals : workload.arrivals) {
    const bool in_bursts = arrivals == kBursts;
    for (const double load : workload.loads) {
      const auto seed = std::make_shared<std::uint64_t>(0);
      experiment.contenders.push_back({fmt::format("{}_{:.1f}", arrivals, load), [=] {
                                         return simulate(workload, load, in_bursts, ++*seed);
                                       }});
    }
  }
  experiment.comparisons = {
      {"least_of_clairvoyant",
       [](const Round& round) {
         return extreme(round, true, [](const Figures& one) { return one.at("of_clairvoyant"); });
       }},
      {"most_late_percent",
       [](const Round& round) {
         return extreme(round, false, [](const Figures& one) { return one.at("late_percent"); });
       }},
      least_of_grid("least_of_grid", false),
      least_of_grid("least_of_timed_grid", true),
      {"mean_of_clairvoyant", [](const Round& round) { return mean(round, "of_clairvoyant"); }},
      {"mean_of_grid_with_timeouts", [](const Round& round) {
         return mean(round, "of_clairvoyant") / mean(round, "grid_with_timeouts_of_clairvoyant");
       }}};
  return experiment;
}

}  // namespace muster::bench
