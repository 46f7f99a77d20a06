// SPDX-License-Identifier: Apache-2.0
// Servers in processes of their own, asked over sockets: `muster serve` in every way that the
// workload names, beside the bare server, the raw runtime and whatever other server there is.
#include <cstdlib>

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

// Of a model, since the server began.
struct Batches {
  double rows = 0;
  double batches = 0;
};

double number_behind(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + key.size(), nullptr);
}

Batches batches_of(const Doors& doors, const std::string& model) {
  const std::string body = http_exchange(doors.http, "GET", "/v2/models/" + model + "/stats").body;
  return {number_behind(body, "\"inference_count\":"), number_behind(body, "\"execution_count\":")};
}

Figures measure_muster(const Contender& asked, const Doors& doors, const std::string& model) {
  const Batches before = batches_of(doors, model);
  Figures figures = asked.measure();
  const Batches after = batches_of(doors, model);
  if (after.batches > before.batches)
    figures["rows_per_batch"] = (after.rows - before.rows) / (after.batches - before.batches);
  figures["resident_mib"] = resident_mib(doors.pid);
  return figures;
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
  if (base == "raw") return;
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
