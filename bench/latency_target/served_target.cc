// SPDX-License-Identifier: Apache-2.0
// A model with a latency target beside the same model with twelve settings of delay and batch size,
// all in one server, asked in an open loop with the same arrivals; and what somebody who knows
// these beforehand could answer in time. Rounds differ in their arrivals.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/latency_target/world.h"
#include "bench/served/contenders.h"
#include "bench/served/setting_repository.h"

namespace muster::bench {
namespace {

constexpr int kConnections = 2000;
constexpr const char* kTargetName = "target";
constexpr const char* kClairvoyantName = "clairvoyant";

// The queue's timeout leaves a full batch time to run, as whoever tunes with care sets it; or it is
// the target.
std::vector<Setting> settings_of(const Workload& workload) {
  const auto target_us = static_cast<double>(workload.timeout_us);
  std::vector<Setting> settings = {
      {kTargetName, fmt::format("backend: \"scripted\"\nmax_batch_size: {}\nparameters {{ key: "
                                "\"latency_target_ms\" value {{ string_value: \"{}\" }} }}\n",
                                workload.batch, target_us / 1000)}};
  for (const int divisor : {8, 4, 2, 1}) {
    for (const double part : {0.0, 0.1, 0.3}) {
      const std::int64_t rows = workload.batch / divisor;
      const double batch_us = workload.fixed_us + workload.per_row_us * static_cast<double>(rows);
      const double left_us =
          workload.tuned_timeouts ? std::max(1.0, target_us - 1.12 * batch_us) : target_us;
      settings.push_back(
          {fmt::format("rows_{}_delay_{:.0f}us", rows, part * target_us),
           fmt::format("backend: \"scripted\"\nmax_batch_size: {}\ndynamic_batching {{\n"
                       "  max_queue_delay_microseconds: {:.0f}\n  default_queue_policy {{\n"
                       "    default_timeout_microseconds: {:.0f} }}\n}}\n",
                       rows, part * target_us, left_us)});
    }
  }
  return settings;
}

// How requests come, and how many parts of what the model can run.
struct Demand {
  std::string arrivals;
  double load = 1;

  [[nodiscard]] std::string name_of(const std::string& contender) const {
    return fmt::format("{}_{}_{:.1f}", contender, arrivals, load);
  }
};

std::vector<Demand> demands_of(const Workload& workload) {
  std::vector<Demand> demands;
  for (const std::string& arrivals : workload.arrivals) {
    for (const double load : workload.loads)
      demands.push_back({arrivals, load});
  }
  return demands;
}

OpenLoad load_of(const Workload& workload, const Demand& demand, std::uint32_t round) {
  OpenLoad load;
  load.connections = kConnections;
  load.per_second = 1000 * demand.load * world_of(workload).capacity();
  load.deadline = std::chrono::microseconds(workload.timeout_us);
  load.seconds = workload.seconds;
  if (demand.arrivals == kBursts)
    load.burst_seconds = kTargetsOfABurst * static_cast<double>(workload.timeout_us) / 1e6;
  load.seed += round;
  return load;
}

// In the world that the model's script plays, without sockets and processors.
Figures foresee(const Workload& workload, const OpenLoad& load) {
  const testing::Arrivals arrivals = arrivals_of(load);
  const auto good = static_cast<double>(testing::clairvoyant_bound(arrivals, world_of(workload)));
  return {{"good", good},
          {"good_per_s", good / load.seconds},
          {"clairvoyant_percent", 100 * good / static_cast<double>(arrivals.size())}};
}

// A contender whose rounds have other arrivals each, the same for all contenders.
template <typename Measure>
Contender of_demand(const std::string& name, const Workload& workload, const Demand& demand,
                    Measure measure) {
  const auto round = std::make_shared<std::uint32_t>(0);
  return {demand.name_of(name), [=] { return measure(load_of(workload, demand, (*round)++)); }};
}

double good_of(const Round& round, const Demand& demand, const std::string& contender) {
  return round.at(demand.name_of(contender)).at("good");
}

// What settings by hand answer in time, however much else they answer late.
double best_of_grid(const Round& round, const Demand& demand,
                    const std::vector<Setting>& settings) {
  double best = 0;
  for (const Setting& setting : settings) {
    if (setting.name == kTargetName) continue;
    best = std::max(best, good_of(round, demand, setting.name));
  }
  return best;
}

// The least over all demands of what is answered in time, by `base`.
template <typename Base>
Comparison least(const std::string& name, const std::vector<Demand>& demands, Base base) {
  return {name, [=](const Round& round) {
            double least = 1e9;
            for (const Demand& demand : demands) {
              least = std::min(
                  least, good_of(round, demand, kTargetName) / std::max(1.0, base(round, demand)));
            }
            return least;
          }};
}

std::vector<Comparison> comparisons_of(const std::vector<Demand>& demands,
                                       const std::vector<Setting>& settings, bool tuned) {
  return {least("least_of_clairvoyant", demands,
                [](const Round& round, const Demand& demand) {
                  return good_of(round, demand, kClairvoyantName);
                }),
          least(tuned ? "least_of_timed_grid" : "least_of_grid", demands,
                [=](const Round& round, const Demand& demand) {
                  return best_of_grid(round, demand, settings);
                }),
          {"most_late_percent", [=](const Round& round) {
             double most = 0;
             for (const Demand& demand : demands) {
               const Figures& figures = round.at(demand.name_of(kTargetName));
               most = std::max(most, figures.at("late_percent"));
             }
             return most;
           }}};
}

}  // namespace

Experiment served_target(const Workload& workload, const Peers& peers) {
  KnownModel model = know_model(workload.model);
  const std::vector<Setting> settings = settings_of(workload);
  const auto repository = std::make_shared<SettingRepository>(workload.model, settings);
  const auto server = std::make_shared<MusterServer>(peers.program, repository->folder());
  std::vector<std::shared_ptr<const std::vector<Question>>> questions;
  for (const Setting& setting : settings) {
    model.name = setting.name;
    questions.push_back(std::make_shared<const std::vector<Question>>(
        binary_questions(server->doors().http, model, kConnections)));
  }
  const std::vector<Demand> demands = demands_of(workload);
  Experiment experiment;
  for (const Demand& demand : demands) {
    experiment.contenders.push_back(
        of_demand(kClairvoyantName, workload, demand,
                  [=](const OpenLoad& load) { return foresee(workload, load); }));
    for (std::size_t i = 0; i < settings.size(); ++i) {
      experiment.contenders.push_back(of_demand(
          settings[i].name, workload, demand,
          [server, kept = repository, asked = questions[i]](const OpenLoad& load) {
            return (void)kept,
                   run_open_load({server->doors().http, server->doors().pid}, *asked, load);
          }));
    }
  }
  experiment.comparisons = comparisons_of(demands, settings, workload.tuned_timeouts);
  return experiment;
}

}  // namespace muster::bench
