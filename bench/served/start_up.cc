// SPDX-License-Identifier: Apache-2.0
// From the start of `muster serve` until it says that it is ready, and the memory it then has.
#include "bench/served/contenders.h"

namespace muster::bench {

Experiment start_up(const Workload& workload, const Peers& peers) {
  const auto question =
      std::make_shared<std::vector<Question>>(http_binary_questions(know_model(workload.model), 1));
  const auto start = [=, repository = repository_of(workload), program = peers.program] {
    const MusterServer server(program, repository);
    Figures figures{{"ready_ms", server.milliseconds_to_ready()},
                    {"ready_mib", resident_mib(server.doors().pid)}};
    // One answer right after: the model is there.
    (void)run_closed_loop({Transport::kHttp, server.doors().http, 0}, *question, {1, 1, 0.01, 1});
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
