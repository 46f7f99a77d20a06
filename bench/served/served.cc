// SPDX-License-Identifier: Apache-2.0
// Servers in processes of their own, asked over sockets: `muster serve` in every way that the
// workload names, beside the bare server, the raw runtime and whatever other server there is.
#include "bench/load.h"
#include "bench/served/contenders.h"

namespace muster::bench {
namespace {

double of(const Round& round, const std::string& contender, const std::string& metric) {
  return round.at(contender).at(metric);
}

Comparison ratio(const std::string& name, const std::string& contender, const std::string& other,
                 const std::string& metric) {
  return {name, [=](const Round& round) {
            return of(round, contender, metric) / of(round, other, metric);
          }};
}

void compare(Experiment& experiment, const std::string& contender, const std::string& base,
             bool one_at_a_time) {
  if (one_at_a_time) {
    experiment.comparisons.push_back(
        ratio(contender + "_p50_of_" + base, contender, base, "p50_us"));
    experiment.comparisons.push_back({contender + "_p99_of_p50", [=](const Round& round) {
                                        return of(round, contender, "p99_us") /
                                               of(round, contender, "p50_us");
                                      }});
    return;
  }
  experiment.comparisons.push_back(
      ratio(contender + "_cpu_of_" + base, contender, base, "cpu_us_per_item"));
  if (base == "raw") {
    experiment.comparisons.push_back(
        ratio(contender + "_time_of_" + base, base, contender, "items_per_s"));
    return;
  }
  experiment.comparisons.push_back({contender + "_switches", [=](const Round& round) {
                                      return of(round, contender, "switches_per_item");
                                    }});
}

}  // namespace

Experiment served(const Workload& workload, const Peers& peers) {
  const KnownModel model = know_model(workload.model);
  const std::string file = workload.model + "/1/model.onnx";
  const auto muster = std::make_shared<MusterServer>(peers.program, repository_of(workload));
  const std::optional<Doors> target = target_doors(peers);
  Experiment experiment;
  const bool by_rows = workload.batch > 1;
  const std::string base = by_rows ? "raw" : "bare";
  if (by_rows) {
    const auto raw = std::make_shared<RawLoops>(file, workload.batch, 1);
    experiment.contenders.push_back(
        {base, [=, seconds = workload.seconds] { return raw->measure(seconds); }});
  } else {
    const auto bare = std::make_shared<BareServer>(peers.bare_program, file);
    const Contender asked = ask_server(base, "http-binary", bare->doors(), model, workload).value();
    experiment.contenders.push_back({base, [=] { return (void)bare, asked.measure(); }});
  }
  for (const std::string& way : workload.ways) {
    const Contender asked = ask_server(way, way, muster->doors(), model, workload).value();
    experiment.contenders.push_back(
        {way, [=] { return measure_muster(asked, muster->doors(), model.name); }});
    compare(experiment, way, base, workload.clients == 1);
    if (!target) continue;
    const std::string name = "target-" + way;
    const auto other = ask_server(name, way, *target, model, workload);
    if (!other) continue;
    experiment.contenders.push_back(*other);
    if (workload.clients == 1 || target->pid != 0)
      experiment.comparisons.push_back(ratio(way + "_of_target", way, name,
                                             workload.clients == 1 ? "p50_us" : "cpu_us_per_item"));
  }
  return experiment;
}

}  // namespace muster::bench
