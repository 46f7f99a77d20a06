// SPDX-License-Identifier: Apache-2.0
// A latency target in a simulated world: the real queue on a clock of its own, beside a batcher
// that knows all arrivals and the best of twelve settings by hand. Rounds differ in their seed.
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

Figures simulate(const Workload& workload, double load, bool in_bursts, std::uint64_t seed) {
  const testing::World world = world_of(workload);
  const double rate = load * world.capacity();
  const double length_ms = workload.requests / rate;
  const testing::Arrivals arrivals =
      in_bursts ? testing::bursts(rate, length_ms, kTargetsOfABurst * world.target_ms, seed)
                : testing::poisson(rate, length_ms, seed);
  const auto bound = static_cast<double>(testing::clairvoyant_bound(arrivals, world));
  const auto of_bound = [&](std::size_t in_time) { return static_cast<double>(in_time) / bound; };
  const testing::Outcome outcome = testing::run_with_target(world, arrivals, seed);
  const testing::GridBest by_hand = testing::best_of_grid(world, arrivals, false, seed);
  const testing::GridBest with_timeouts = testing::best_of_grid(world, arrivals, true, seed);
  return {{"clairvoyant_percent", 100 * bound / static_cast<double>(arrivals.size())},
          {"of_clairvoyant", of_bound(outcome.in_time)},
          {"late_percent", outcome.late_percent()},
          {"rows_per_batch", static_cast<double>(outcome.in_time + outcome.late) /
                                 static_cast<double>(outcome.batches)},
          {"grid_of_clairvoyant", of_bound(by_hand.in_time)},
          {"grid_with_timeouts_of_clairvoyant", of_bound(with_timeouts.in_time)}};
}

// Over the contenders of a round.
double extreme(const Round& round, bool least, double (*of)(const Figures&)) {
  double found = of(round.begin()->second);
  for (const auto& [name, figures] : round)
    found = least ? std::min(found, of(figures)) : std::max(found, of(figures));
  return found;
}

// The better of both grids, of the clairvoyant.
double grid_of(const Figures& one) {
  return std::max(
      {1e-9, one.at("grid_of_clairvoyant"), one.at("grid_with_timeouts_of_clairvoyant")});
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
      {"least_of_grid",
       [](const Round& round) {
         return extreme(round, true,
                        [](const Figures& one) { return one.at("of_clairvoyant") / grid_of(one); });
       }},
      {"mean_of_clairvoyant", [](const Round& round) { return mean(round, "of_clairvoyant"); }},
      {"mean_of_grid_with_timeouts", [](const Round& round) {
         return mean(round, "of_clairvoyant") / mean(round, "grid_with_timeouts_of_clairvoyant");
       }}};
  return experiment;
}

}  // namespace muster::bench
