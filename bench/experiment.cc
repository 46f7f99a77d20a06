// SPDX-License-Identifier: Apache-2.0
#include "bench/experiment.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <unistd.h>

#include "bench/process_usage.h"

namespace muster::bench {
namespace {

void show_progress(const Workload& workload, int round) {
  if (::isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r\033[K%s: round %d of %d", workload.name.c_str(), round, workload.rounds);
  if (round == workload.rounds) std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

Spread spread_over(const std::vector<Round>& rounds,
                   const std::function<double(const Round&)>& of) {
  std::vector<double> values;
  for (const Round& round : rounds)
    values.push_back(of(round));
  return spread_of(std::move(values));
}

// Batch sizes that did not occur in a round are not in its figures.
double figure(const Figures& figures, const std::string& name) {
  const auto found = figures.find(name);
  return found == figures.end() ? 0 : found->second;
}

}  // namespace

Outcome run(const Workload& workload, const Experiment& experiment) {
  const Confined confined(workload.cores);
  std::vector<Round> rounds(static_cast<std::size_t>(workload.rounds));
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    show_progress(workload, static_cast<int>(i) + 1);
    for (const Contender& contender : experiment.contenders) {
      rounds[i][contender.name] = contender.measure();
    }
  }

  Outcome outcome;
  for (const Contender& contender : experiment.contenders) {
    std::map<std::string, Spread> spreads;
    for (const Round& round : rounds) {
      for (const auto& [metric, value] : round.at(contender.name))
        spreads[metric] = {};
    }
    for (auto& [metric, spread] : spreads) {
      spread = spread_over(
          rounds, [&](const Round& round) { return figure(round.at(contender.name), metric); });
    }
    outcome.contenders.emplace_back(contender.name, std::move(spreads));
  }
  for (const Comparison& comparison : experiment.comparisons) {
    const Spread spread = spread_over(rounds, comparison.value);
    outcome.comparisons.emplace_back(comparison.name, spread);
    if (!comparison.where) continue;
    const auto typical = std::ranges::min_element(rounds, {}, [&](const Round& round) {
      return std::abs(comparison.value(round) - spread.median);
    });
    outcome.wheres[comparison.name] = comparison.where(*typical);
  }
  return outcome;
}

}  // namespace muster::bench
