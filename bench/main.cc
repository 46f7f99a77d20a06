// SPDX-License-Identifier: Apache-2.0
// muster_bench: measures Muster against the raw runtime and a bare server, workload by workload.
// See bench/README.md.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/experiment.h"
#include "bench/load.h"
#include "bench/machine.h"
#include "bench/raw_runtime.h"
#include "bench/report.h"
#include "bench/workload.h"

namespace muster::bench {
namespace {

struct Arguments {
  std::vector<std::string> workloads;
  std::string csv;
  std::string commit = "unknown";
  Peers peers;
  int rounds = 0;      // 0 = as the workload says
  double seconds = 0;  // likewise
  bool quick = false;
};

void adjust(Workload& workload, const Arguments& arguments) {
  if (arguments.quick) {
    workload.rounds = std::min(workload.rounds, 5);
    workload.seconds = std::min(workload.seconds, 0.2);
  }
  if (arguments.rounds > 0) workload.rounds = arguments.rounds;
  if (arguments.seconds > 0) workload.seconds = arguments.seconds;
}

using File = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

File open_csv(const std::string& path) {
  File file(path.empty() ? nullptr : std::fopen(path.c_str(), "w"), &std::fclose);
  if (!path.empty() && file == nullptr) throw std::runtime_error(path + ": cannot be written");
  if (file != nullptr) write_csv_header(file.get());
  return file;
}

void measure(const Arguments& arguments) {
  std::vector<Workload> workloads;
  for (const std::string& path : arguments.workloads) {
    workloads.push_back(expect(read_workload(path)));
    adjust(workloads.back(), arguments);
  }
  const RunFacts facts{utc_now(), arguments.commit, this_machine(), RawRuntime::version(),
                       arguments.quick};
  const File csv = open_csv(arguments.csv);
  print_head(facts);
  Verdict total;
  for (const Workload& workload : workloads) {
    const double load = load_average();
    const Outcome outcome = run(workload, make_experiment(workload, arguments.peers));
    print_table(workload, outcome);
    if (csv != nullptr) write_csv(csv.get(), facts, workload, load, outcome);
    const Verdict verdict = judge(workload, outcome);
    total.met += verdict.met;
    total.missed += verdict.missed;
  }
  std::printf("\n%d targets met, %d missed\n", total.met, total.missed);
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  // As Muster's own backend does: the runtime looks at it when the first environment is made.
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  muster::bench::Arguments arguments;
  const auto own = std::filesystem::read_symlink("/proc/self/exe");
  arguments.peers.program = own.parent_path().parent_path() / "muster";
  arguments.peers.bare_program = own.parent_path() / "muster_bench_bare";
  CLI::App app("Measures Muster against the raw runtime. Run it from the repository's root.");
  app.add_option("WORKLOAD", arguments.workloads, "Workload files")->required();
  app.add_option("--csv", arguments.csv, "Write every figure to this file");
  app.add_option("--commit", arguments.commit, "What the sources are, for the results");
  muster::bench::Peers& peers = arguments.peers;
  app.add_option("--program", peers.program, "The muster program")->capture_default_str();
  app.add_option("--target", peers.target, "HOST:PORT of another server's HTTP, measured beside");
  app.add_option("--target-grpc", peers.target_grpc, "HOST:PORT of its gRPC");
  app.add_option("--target-pid", peers.target_pid, "Its process, whose processor time is read");
  app.add_option("--rounds", arguments.rounds, "Instead of what the workloads say");
  app.add_option("--seconds", arguments.seconds, "Of each contender in a round, likewise");
  app.add_flag("--quick", arguments.quick, "Few and short rounds: for a first look only");
  CLI11_PARSE(app, argc, argv);
  try {
    muster::bench::measure(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "muster bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
