// SPDX-License-Identifier: Apache-2.0
// How much of what the runtime makes of all cores is left behind a server on the same cores: a
// large model, as it is without a configuration and with one that says what the best raw loop does.
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "bench/served/best_raw_loop.h"
#include "bench/served/contenders.h"
#include "bench/served/setting_repository.h"

namespace muster::bench {
namespace {

constexpr double kFewestSeconds = 4;  // a batch takes one or two
constexpr double kPartForChoice = 0.25;

std::string config_of(const RawWay& way) {
  return fmt::format(
      "backend: \"onnxruntime\"\nmax_batch_size: {}\ndynamic_batching {{ }}\n"
      "instance_group {{ count: {} kind: KIND_CPU }}\n",
      way.batch, way.loops);
}

}  // namespace

Experiment served_throughput(const Workload& workload, const Peers& peers) {
  if (workload.sizes.empty() || workload.ways.empty())
    throw std::runtime_error(workload.name + ": 'sizes' or 'ask' is missing");
  Workload longer = workload;
  longer.seconds = std::max(workload.seconds, kFewestSeconds);
  const KnownModel model = know_model(workload.model);
  const RawLoop raw = best_raw_loop(workload.model + "/1/model.onnx",
                                    raw_ways(workload.sizes, instances_of(workload)),
                                    kPartForChoice * longer.seconds);
  KnownModel configured = model;
  configured.name += "_configured";
  const auto repository = std::make_shared<SettingRepository>(
      workload.model,
      std::vector<Setting>{{model.name, ""}, {configured.name, config_of(raw.way)}});
  // Ready means both models: the one without a configuration is warmed up at batches of up to 64.
  const auto server = std::make_shared<MusterServer>(
      peers.program, repository->folder(), std::vector<std::string>{"--strict-readiness"});

  Experiment experiment;
  const std::string base = raw.way.name();
  experiment.contenders.push_back(
      {base, [=, seconds = longer.seconds] { return raw.loops->measure(seconds); }});
  const auto compare = [&](const std::string& name, const std::string& way,
                           const KnownModel& asked_model) {
    const Contender asked =
        ask_server(name, way, server->doors(), asked_model, longer, Counting::kWholeBatches)
            .value();
    experiment.contenders.push_back({name, [=, kept = repository, model_name = asked_model.name] {
                                       return (void)kept,
                                              measure_muster(asked, server->doors(), model_name);
                                     }});
    experiment.comparisons.push_back({name + "_of_raw", [=](const Round& round) {
                                        return round.at(name).at("items_per_s") /
                                               round.at(base).at("items_per_s");
                                      }});
  };
  for (const std::string& way : workload.ways)
    compare(way == workload.ways.front() ? "served" : "served-" + way, way, model);
  compare("served-configured", workload.ways.front(), configured);
  return experiment;
}

}  // namespace muster::bench
