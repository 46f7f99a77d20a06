// SPDX-License-Identifier: Apache-2.0
// An experiment: contenders that are measured in turn, round after round (A B A B ...), and the
// comparisons between them within one round, so that what disturbs a machine for longer than a
// round disturbs all of them alike.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/statistics.h"
#include "bench/workload.h"

namespace muster::bench {

struct Contender {
  std::string name;
  std::function<Figures()> measure;  // one round of it; failures are exceptions
};

using Round = std::map<std::string, Figures>;  // by contender

struct Comparison {
  std::string name;
  std::function<double(const Round&)> value;
  // Where in the round that value is from, for people; may be empty.
  std::function<std::string(const Round&)> where = {};
};

struct Experiment {
  std::vector<Contender> contenders;
  std::vector<Comparison> comparisons;
};

// The programs and servers that are measured beside this one's own code.
struct Peers {
  std::string program;       // `muster`
  std::string bare_program;  // `muster_bench_bare`
  // Another server of the same protocol with the same model: HOST:PORT of its HTTP and, where it is
  // to be asked by it, gRPC; "" = none. Its processor time is known where its process is.
  std::string target;
  std::string target_grpc;
  int target_pid = 0;
};

// By the workload's kind. What it needs is opened here and lives as long as the experiment.
[[nodiscard]] Experiment make_experiment(const Workload& workload, const Peers& peers);

// The kinds.
[[nodiscard]] Experiment one_by_one(const Workload& workload);
[[nodiscard]] Experiment many_callers(const Workload& workload);
[[nodiscard]] Experiment batch_sizes(const Workload& workload);
[[nodiscard]] Experiment bench_cost(const Workload& workload);
[[nodiscard]] Experiment classify_files(const Workload& workload, const std::string& program);
[[nodiscard]] Experiment served(const Workload& workload, const Peers& peers);
[[nodiscard]] Experiment served_throughput(const Workload& workload, const Peers& peers);
[[nodiscard]] Experiment overload(const Workload& workload, const Peers& peers);
[[nodiscard]] Experiment reload(const Workload& workload, const Peers& peers);
[[nodiscard]] Experiment simulated_target(const Workload& workload);
[[nodiscard]] Experiment served_target(const Workload& workload, const Peers& peers);
[[nodiscard]] Experiment start_up(const Workload& workload, const Peers& peers);

// Of all rounds.
struct Outcome {
  std::vector<std::pair<std::string, std::map<std::string, Spread>>> contenders;
  std::vector<std::pair<std::string, Spread>> comparisons;
  std::map<std::string, std::string> wheres;  // by comparison: of the round that is the median
};

[[nodiscard]] Outcome run(const Workload& workload, const Experiment& experiment);

}  // namespace muster::bench
