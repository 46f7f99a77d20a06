// SPDX-License-Identifier: Apache-2.0
// muster_bench_gpu: measures Muster's library on a GPU against TensorRT alone, in one process and
// in turn. See bench/README.md.
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/gpu/gpu_experiments.h"
#include "bench/gpu/gpu_watch.h"
#include "bench/gpu/raw_engine.h"
#include "bench/machine.h"
#include "bench/report.h"

namespace muster::bench {
namespace {

struct Arguments {
  Workload workload;
  GpuOrder order;
  std::vector<std::string> settings;  // KEY=VALUE
  std::vector<std::string> variants;  // NAME KEY=VALUE KEY=VALUE ...
  std::vector<std::string> targets;   // NAME>=BOUND or NAME<=BOUND
  std::string csv;
  std::string commit = "unknown";
};

void read_setting(const std::string& setting, std::map<std::string, std::string>& parameters) {
  const std::size_t sign = setting.find('=');
  if (sign == std::string::npos) throw std::runtime_error(setting + ": expected KEY=VALUE");
  parameters[setting.substr(0, sign)] = setting.substr(sign + 1);
}

void read_settings(Arguments& arguments) {
  for (const std::string& setting : arguments.settings)
    read_setting(setting, arguments.order.parameters);
  for (const std::string& text : arguments.variants) {
    std::istringstream words(text);
    GpuVariant variant;
    words >> variant.name;
    for (std::string word; words >> word;)
      read_setting(word, variant.parameters);
    arguments.order.variants.push_back(std::move(variant));
  }
  for (const std::string& target : arguments.targets) {
    const std::size_t sign = target.find_first_of("<>");
    if (sign == std::string::npos || sign + 2 >= target.size() || target[sign + 1] != '=')
      throw std::runtime_error(target + ": expected NAME>=BOUND or NAME<=BOUND");
    arguments.workload.targets.push_back(
        {target.substr(0, sign), target[sign] == '<', std::stod(target.substr(sign + 2))});
  }
}

using File = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

void measure(Arguments& arguments) {
  read_settings(arguments);
  const GpuFacts gpu = gpu_facts();
  arguments.order.watch = std::make_shared<GpuWatch>(gpu.uuid);
  const RunFacts facts{utc_now(), arguments.commit, this_machine(),
                       fmt::format("TensorRT {} on {} (driver {}, {})", raw_version(), gpu.name,
                                   arguments.order.watch->driver(), gpu.cuda),
                       false};
  print_head(facts);
  fmt::print("before: {}\n", arguments.order.watch->state());
  const double load = load_average();
  const Outcome outcome =
      run(arguments.workload, make_gpu_experiment(arguments.workload, arguments.order));
  print_table(arguments.workload, outcome);
  fmt::print("after: {}\n", arguments.order.watch->state());
  if (!arguments.csv.empty()) {
    const File file(std::fopen(arguments.csv.c_str(), "w"), &std::fclose);
    if (file == nullptr) throw std::runtime_error(arguments.csv + ": cannot be written");
    write_csv_header(file.get());
    write_csv(file.get(), facts, arguments.workload, load, outcome);
  }
  const Verdict verdict = judge(arguments.workload, outcome);
  fmt::print("\n{} targets met, {} missed\n", verdict.met, verdict.missed);
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Arguments arguments;
  muster::bench::Workload& workload = arguments.workload;
  muster::bench::GpuOrder& order = arguments.order;
  workload.rounds = 3;
  workload.batch = 128;
  workload.delay_us = 0;
  CLI::App app("Measures Muster's library on GPU 0 against TensorRT alone.");
  app.add_option("KIND", workload.kind,
                 "gpu_saturated, gpu_variants, gpu_one_by_one, gpu_poisson, gpu_gather or gpu_served")
      ->required();
  app.add_option("--plan", order.plan, "The engine: one input, one output, the batch open")
      ->required();
  app.add_option("--beside", order.beside, "Another engine, whose raw rate is measured, too");
  app.add_option("--name", workload.name, "What the results are called");
  app.add_option("--what", workload.what, "One line for people");
  app.add_option("--batch", workload.batch, "The largest batch")->capture_default_str();
  app.add_option("--rows", order.rows, "Of a request")->capture_default_str();
  app.add_option("--in-flight", order.in_flight, "Requests; 0: five batches");
  app.add_option("--threads", order.threads, "That hand requests in")->capture_default_str();
  app.add_option("--delay-us", workload.delay_us, "max_queue_delay")->capture_default_str();
  app.add_option("--rounds", workload.rounds)->capture_default_str();
  app.add_option("--seconds", workload.seconds, "Of each contender in a round")
      ->capture_default_str();
  app.add_option("--load", order.loads, "Poisson: parts of the saturated rate");
  app.add_option("--p99-ms", order.p99_ms, "Poisson: the bound")->capture_default_str();
  app.add_option("--program", order.program, "Served: the program muster");
  app.add_option("--serve", order.serve_words, "Served: a word more of its command line");
  app.add_option("--set", arguments.settings, "KEY=VALUE: a parameter of the backend");
  app.add_option("--variant", arguments.variants,
                 "gpu_variants: NAME KEY=VALUE ..., in one word: what is different there")
      ->allow_extra_args(false);
  app.add_flag("!--host-only", order.on_gpu, "gpu_variants: without inputs on the GPU");
  app.add_option("--target", arguments.targets, "NAME>=BOUND or NAME<=BOUND");
  app.add_option("--csv", arguments.csv, "Write every figure to this file");
  app.add_option("--commit", arguments.commit, "What the sources are, for the results");
  CLI11_PARSE(app, argc, argv);
  if (workload.name.empty()) workload.name = workload.kind;
  try {
    muster::bench::measure(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "muster bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
