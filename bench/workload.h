// SPDX-License-Identifier: Apache-2.0
// Workload: what is measured, read from a text file of `key: value` lines (bench/README.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <muster/status.h>

namespace muster::bench {

// "blocking_of_raw >= 0.85": a comparison's median must lie on that side of the bound.
struct Target {
  std::string comparison;
  bool at_most = false;
  double bound = 0;
};

// The ways in which requests come.
inline constexpr const char* kPoisson = "poisson";
inline constexpr const char* kBursts = "bursts";

struct Workload {
  std::string name;  // the file's, without its ending
  std::string kind;  // which experiment, see experiment.h
  std::string what;  // one line for people
  std::string model = "models/lenet";
  int rounds = 5;
  double seconds = 1;  // of each contender in each round
  int clients = 1;
  std::int64_t batch = 1;  // of the raw loop
  int instances = 1;       // sessions of Muster, threads of the raw loop; 0 = one for each core
  int cores = 0;           // that everything may use; 0 = all that the process may use
  int delay_us = -1;       // max_queue_delay; below 0 = as the model's configuration says
  std::vector<std::int64_t> sizes;  // batch sizes, for the kind that compares them
  std::string pictures;             // a folder
  int files = 0;
  std::vector<std::string> ways;  // in which servers are asked (served/contenders.h)
  std::int64_t timeout_us = 0;    // of requests in an overload; 0 = none
  double load = 2;                // of an overload, in peaks
  std::vector<double> loads;      // of a latency target, in parts of what the model can run
  std::vector<std::string> arrivals = {kPoisson};  // there, of requests: each with every load
  bool tuned_timeouts = true;  // there, of settings by hand: leave a full batch its time
  double fixed_us = 0;         // a model that takes that much for a batch
  double per_row_us = 0;       // and that much for each row of it
  double requests = 0;         // of each contender in each round, where they are simulated
  std::vector<Target> targets;
};

[[nodiscard]] Result<Workload> read_workload(const std::string& path);

}  // namespace muster::bench
