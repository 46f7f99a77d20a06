// SPDX-License-Identifier: Apache-2.0
// More than a server can carry: its peak in a closed loop, then in an open one most of the peak and
// many times the peak, every request with a deadline.
#include <chrono>
#include <stdexcept>
#include <utility>

#include "bench/served/peak_load.h"

namespace muster::bench {
namespace {

constexpr int kConnections = 4000;  // nearly as many as the server takes
constexpr double kCarriedLoad = 0.9;

// What an answer takes is known from the load that is carried; the rest went to refusals.
double cpu_us_of_a_refusal(const Round& round) {
  const Figures& overload = round.at("overload");
  if (overload.at("refused") == 0) return 0;
  const double answers = overload.at("accepted") * round.at("carried").at("cpu_us_per_item");
  return (overload.at("cpu_us") - answers) / overload.at("refused");
}

// The same arrivals, all refused by the plainest loop.
Contender least_refusals(const Workload& workload, const Peers& peers, const KnownModel& model,
                         const PeakLoad& peak) {
  const auto bare = std::make_shared<BareServer>(peers.bare_program);
  const Doors doors = bare->doors();
  const auto questions = std::make_shared<const std::vector<Question>>(
      binary_questions(doors.http, model, kConnections, workload.timeout_us));
  return {"bare_refusals", [=, load = workload.load] {
            Figures figures = peak.run_at(load, {doors.http, doors.pid}, *questions);
            if (figures.at("refused") == 0)
              throw std::runtime_error("muster_bench_bare --refuse refused nothing");
            figures["cpu_us_per_refusal"] = figures.at("cpu_us") / figures.at("refused");
            return (void)bare, figures;
          }};
}

}  // namespace

Experiment overload(const Workload& workload, const Peers& peers) {
  const KnownModel model = know_model(workload.model);
  const auto muster = std::make_shared<MusterServer>(peers.program, repository_of(workload));
  const PeakLoad peak(muster, model, workload, kConnections,
                      std::chrono::microseconds(workload.timeout_us));

  Experiment experiment;
  experiment.contenders.push_back(peak.contender());
  for (const auto& [name, load] :
       {std::pair{"carried", kCarriedLoad}, std::pair{"overload", workload.load}}) {
    experiment.contenders.push_back({name, [=] { return peak.run_at(load); }});
  }
  experiment.contenders.push_back(least_refusals(workload, peers, model, peak));
  experiment.comparisons = {
      {"goodput_of_peak",
       [](const Round& round) {
         return round.at("overload").at("good_per_s") / round.at("peak").at("items_per_s");
       }},
      {"late_percent", [](const Round& round) { return round.at("overload").at("late_percent"); }},
      {"cpu_us_of_a_refusal", cpu_us_of_a_refusal},
      {"cpu_us_of_a_bare_refusal",
       [](const Round& round) { return round.at("bare_refusals").at("cpu_us_per_refusal"); }},
      {"refusal_of_bare_refusal", [](const Round& round) {
         return cpu_us_of_a_refusal(round) / round.at("bare_refusals").at("cpu_us_per_refusal");
       }}};
  return experiment;
}

}  // namespace muster::bench
