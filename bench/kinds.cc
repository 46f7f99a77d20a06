// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include "bench/experiment.h"

namespace muster::bench {

Experiment make_experiment(const Workload& workload, const Peers& peers) {
  if (workload.kind == "one_by_one") return one_by_one(workload);
  if (workload.kind == "many_callers") return many_callers(workload);
  if (workload.kind == "batch_sizes") return batch_sizes(workload);
  if (workload.kind == "bench_cost") return bench_cost(workload);
  if (workload.kind == "classify_files") return classify_files(workload, peers.program);
  if (workload.kind == "served") return served(workload, peers);
  if (workload.kind == "served_throughput") return served_throughput(workload, peers);
  if (workload.kind == "overload") return overload(workload, peers);
  if (workload.kind == "reload") return reload(workload, peers);
  if (workload.kind == "simulated_target") return simulated_target(workload);
  if (workload.kind == "served_target") return served_target(workload, peers);
  if (workload.kind == "start_up") return start_up(workload, peers);
  throw std::runtime_error(workload.name + ": there is no kind '" + workload.kind +
                           "'; bench/README.md lists them");
}

}  // namespace muster::bench
