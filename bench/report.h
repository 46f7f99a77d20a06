// SPDX-License-Identifier: Apache-2.0
// How results are written: a table for people, and CSV with one figure a line.
#pragma once

#include <cstdio>
#include <string>

#include "bench/experiment.h"
#include "bench/machine.h"
#include "bench/workload.h"

namespace muster::bench {

// What every line of a run has in common.
struct RunFacts {
  std::string started;
  std::string commit;  // with "+changes" behind it where the sources are not the commit's
  Machine machine;
  std::string runtime;
  bool quick = false;
};

void print_head(const RunFacts& facts);
void print_table(const Workload& workload, const Outcome& outcome);

void write_csv_header(std::FILE* file);
// `load`: the machine's load average when the workload began.
void write_csv(std::FILE* file, const RunFacts& facts, const Workload& workload, double load,
               const Outcome& outcome);

// Targets met and missed so far.
struct Verdict {
  int met = 0;
  int missed = 0;
};
[[nodiscard]] Verdict judge(const Workload& workload, const Outcome& outcome);

}  // namespace muster::bench
