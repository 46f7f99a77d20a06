// SPDX-License-Identifier: Apache-2.0
// From the start of `muster serve` until it says that it is ready, and the memory it then has.
#include "bench/served/contenders.h"

namespace muster::bench {

Experiment start_up(const Workload& workload, const Peers& peers) {
  const KnownModel model = know_model(workload.model);
  const auto start = [=, repository = repository_of(workload), program = peers.program] {
    const MusterServer server(program, repository);
    Figures figures{{"ready_ms", server.milliseconds_to_ready()},
                    {"ready_mib", resident_mib(server.doors().pid)}};
    // One answer right after: the model is there.
    const ServerAddress& http = server.doors().http;
    (void)run_closed_load({http, 0}, binary_questions(http, model, 1), {1, 1, 0.01, 1});
    figures["resident_mib"] = resident_mib(server.doors().pid);
    return figures;
  };
  Experiment experiment;
  experiment.contenders = {{"start", start}};
  for (const char* metric : {"ready_ms", "ready_mib", "resident_mib"}) {
    experiment.comparisons.push_back(
        {metric, [=](const Round& round) { return round.at("start").at(metric); }});
  }
  return experiment;
}

}  // namespace muster::bench
