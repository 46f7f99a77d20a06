// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/gpu_experiments.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "bench/calls.h"
#include "bench/gpu/arrivals.h"
#include "bench/gpu/engine_service.h"
#include "bench/gpu/gathers.h"
#include "bench/gpu/raw_engine.h"
#include "bench/gpu/served_engine.h"
#include "bench/in_process/completions.h"

namespace muster::bench {
namespace {

constexpr int kPicturesPerRow = 8;  // different ones, so that no cache holds them all

// What all contenders of an experiment share; it lives as long as they.
struct Bench {
  Bench(const Workload& workload, const GpuOrder& order) : watch(order.watch), raw(order.plan) {
    // Where there are variants, each has one of its own.
    if (order.variants.empty()) service = open_service(workload, order, order.parameters);
  }
  static std::shared_ptr<EngineService> open_service(
      const Workload& workload, const GpuOrder& order,
      const std::map<std::string, std::string>& parameters) {
    return std::make_shared<EngineService>(
        ServiceShape{order.plan, workload.batch, std::max(0, workload.delay_us), parameters});
  }

  std::shared_ptr<GpuWatch> watch;
  RawEngine raw;
  std::shared_ptr<EngineService> service;
  std::vector<std::unique_ptr<RawEngine::Lane>> lanes;
  double saturated = 0;  // of the round
};
using SharedBench = std::shared_ptr<Bench>;

Contender watched(const SharedBench& bench, std::string name, std::function<Figures()> measure) {
  return {std::move(name),
          [bench, measure = std::move(measure)] { return bench->watch->over(measure); }};
}

// Back to back: while a group of batches is waited for, the next is in the streams already.
Figures back_to_back(const std::vector<RawEngine::Lane*>& lanes, bool copies, double seconds) {
  constexpr int kBatchesOfGroup = 4;
  const auto launch_group = [&](int mark) {
    for (int i = 0; i < kBatchesOfGroup; ++i) {
      for (RawEngine::Lane* lane : lanes)
        copies ? lane->launch_copies() : lane->launch_compute();
    }
    for (RawEngine::Lane* lane : lanes)
      lane->mark(mark);
  };
  const auto await_group = [&](int mark) {
    for (RawEngine::Lane* lane : lanes)
      lane->await(mark);
  };
  int mark = 0;
  launch_group(mark);
  const auto rows = static_cast<std::int64_t>(lanes.size()) * lanes.front()->batch();
  Figures figures = measure_calls(seconds, kBatchesOfGroup * rows, [&] {
    launch_group(1 - mark);
    await_group(mark);
    mark = 1 - mark;
  });
  await_group(mark);
  for (const char* metric : {"p50_us", "p90_us", "p99_us"})
    figures.erase(metric);  // of groups
  return figures;
}

Contender raw_contender(const SharedBench& bench, std::string name, int streams, bool copies,
                        const Workload& workload) {
  std::vector<RawEngine::Lane*> lanes;
  for (int i = 0; i < streams; ++i) {
    bench->lanes.push_back(bench->raw.new_lane(workload.batch));
    lanes.push_back(bench->lanes.back().get());
  }
  return watched(bench, std::move(name), [lanes, copies, seconds = workload.seconds] {
    return back_to_back(lanes, copies, seconds);
  });
}

int in_flight(const GpuOrder& order, const Workload& workload) {
  if (order.in_flight > 0) return order.in_flight;
  return static_cast<int>(std::max<std::int64_t>(1, 5 * workload.batch / order.rows));
}

Contender service_contender(const SharedBench& bench, std::string name,
                            const std::shared_ptr<EngineService>& service,
                            const std::shared_ptr<Pictures>& pictures, const GpuOrder& order,
                            const Workload& workload) {
  const auto loop = std::make_shared<Completions>(
      service->service(), in_flight(order, workload), order.threads,
      [pictures](std::size_t place) { return pictures->request(place); }, order.rows);
  return watched(bench, std::move(name),
                 [service, loop, seconds = workload.seconds] { return loop->measure(seconds); });
}

std::shared_ptr<Pictures> pictures_for(const SharedBench& bench, bool on_gpu, const GpuOrder& order,
                                       const Workload& workload) {
  return std::make_shared<Pictures>(bench->raw.facts(), kPicturesPerRow * workload.batch,
                                    order.rows, on_gpu);
}

Contender service_contender(const SharedBench& bench, std::string name, bool on_gpu,
                            const GpuOrder& order, const Workload& workload) {
  return service_contender(bench, std::move(name), bench->service,
                           pictures_for(bench, on_gpu, order, workload), order, workload);
}

Comparison share(const std::string& contender, const std::string& of) {
  return {contender + "_of_" + of, [=](const Round& round) {
            return round.at(contender).at("items_per_s") / round.at(of).at("items_per_s");
          }};
}

Experiment saturated(const Workload& workload, const GpuOrder& order) {
  const auto bench = std::make_shared<Bench>(workload, order);
  Experiment experiment;
  experiment.contenders = {raw_contender(bench, "raw_on_gpu", 1, false, workload),
                           service_contender(bench, "muster_on_gpu", true, order, workload),
                           service_contender(bench, "muster_host", false, order, workload),
                           raw_contender(bench, "raw_copies", 1, true, workload),
                           raw_contender(bench, "raw_on_gpu_3_streams", 3, false, workload),
                           raw_contender(bench, "raw_copies_3_streams", 3, true, workload)};
  experiment.comparisons = {
      share("muster_on_gpu", "raw_on_gpu"), share("muster_host", "raw_on_gpu"),
      share("muster_host", "raw_copies_3_streams"), share("raw_on_gpu_3_streams", "raw_on_gpu")};
  if (order.beside.empty()) return experiment;
  const auto beside = std::make_shared<RawEngine>(order.beside);
  const std::shared_ptr<RawEngine::Lane> lane = beside->new_lane(workload.batch);
  experiment.contenders.push_back(
      watched(bench, "raw_beside_on_gpu", [beside, lane, seconds = workload.seconds] {
        return back_to_back({lane.get()}, false, seconds);
      }));
  experiment.comparisons.push_back(share("muster_host", "raw_beside_on_gpu"));
  return experiment;
}

// Each in turn, beside the raw engine: A B C A B C.
Experiment variants(const Workload& workload, const GpuOrder& order) {
  if (order.variants.empty()) throw std::runtime_error("gpu_variants needs a --variant or more");
  const auto bench = std::make_shared<Bench>(workload, order);
  const auto on_host = pictures_for(bench, false, order, workload);
  const auto on_gpu = order.on_gpu ? pictures_for(bench, true, order, workload) : nullptr;
  Experiment experiment;
  experiment.contenders = {raw_contender(bench, "raw_on_gpu", 1, false, workload),
                           raw_contender(bench, "raw_copies_3_streams", 3, true, workload)};
  const auto add = [&](const std::string& name, const std::shared_ptr<EngineService>& service,
                       const std::shared_ptr<Pictures>& pictures) {
    experiment.contenders.push_back(
        service_contender(bench, name, service, pictures, order, workload));
    experiment.comparisons.push_back(share(name, "raw_on_gpu"));
  };
  for (const GpuVariant& variant : order.variants) {
    std::map<std::string, std::string> parameters = variant.parameters;
    parameters.insert(order.parameters.begin(), order.parameters.end());
    const auto service = Bench::open_service(workload, order, parameters);
    add(variant.name + "_host", service, on_host);
    if (on_gpu != nullptr) add(variant.name + "_on_gpu", service, on_gpu);
  }
  return experiment;
}

Comparison over_raw(const std::string& contender, const std::string& metric) {
  return {contender + "_" + metric + "_over_raw_graph", [=](const Round& round) {
            return round.at(contender).at(metric) - round.at("raw_graph").at(metric);
          }};
}

Experiment one_by_one(const Workload& workload, const GpuOrder& order) {
  const auto bench = std::make_shared<Bench>(workload, order);
  bench->lanes.push_back(bench->raw.new_lane(1));
  RawEngine::Lane* const lane = bench->lanes.back().get();
  const auto pictures = std::make_shared<Pictures>(bench->raw.facts(), 64, 1, false);
  const double seconds = workload.seconds;
  ModelService* const service = &bench->service->service();
  Experiment experiment;
  experiment.contenders = {watched(bench, "raw_graph",
                                   [=] {
                                     return measure_calls(seconds, 1, [&] {
                                       lane->launch_copies();
                                       lane->wait_spinning();
                                     });
                                   }),
                           watched(bench, "muster_infer",
                                   [=] {
                                     return measure_calls(seconds, 1, [&] {
                                       expect(service->infer(pictures->request(0)));
                                     });
                                   }),
                           watched(bench, "raw_enqueue",
                                   [=] {
                                     return measure_calls(seconds, 1, [&] {
                                       lane->enqueue_copies();
                                       lane->wait_spinning();
                                     });
                                   }),
                           watched(bench, "muster_submit", [=] {
                             return measure_calls(seconds, 1, [&] {
                               expect(service->submit(pictures->request(0)).get());
                             });
                           })};
  for (const char* contender : {"muster_infer", "muster_submit"}) {
    for (const char* metric : {"p50_us", "p90_us", "p99_us"})
      experiment.comparisons.push_back(over_raw(contender, metric));
  }
  return experiment;
}

std::string load_name(double load) {
  return fmt::format("poisson_{:.0f}_percent", 100 * load);
}

// The largest load, in parts of the saturated rate, whose p99 is within the bound; 0 = none.
double best_load(const Round& round, const std::vector<double>& loads, double p99_us) {
  double best = 0;
  for (const double load : loads) {
    const Figures& figures = round.at(load_name(load));
    if (figures.at("p99_us") <= p99_us) best = std::max(best, load);
  }
  return best;
}

Experiment poisson(const Workload& workload, const GpuOrder& order) {
  const auto bench = std::make_shared<Bench>(workload, order);
  const auto pictures =
      std::make_shared<Pictures>(bench->raw.facts(), kPicturesPerRow * workload.batch, 1, false);
  Experiment experiment;
  Contender saturated = service_contender(bench, "saturated", false, order, workload);
  experiment.contenders.push_back({"saturated", [bench, saturated] {
                                     Figures figures = saturated.measure();
                                     bench->saturated = figures.at("items_per_s");
                                     return figures;
                                   }});
  for (const double load : order.loads) {
    experiment.contenders.push_back(
        watched(bench, load_name(load), [bench, pictures, load, seconds = workload.seconds] {
          return poisson_requests(bench->service->service(), *pictures, load * bench->saturated,
                                  seconds);
        }));
  }
  experiment.comparisons.push_back(
      {"best_load_within_p99", [loads = order.loads, bound = order.p99_ms * 1e3](
                                   const Round& round) { return best_load(round, loads, bound); }});
  return experiment;
}

Contender served_contender(const SharedBench& bench, const std::string& name, Sharing sharing,
                           const std::shared_ptr<ServedEngine>& server, const GpuOrder& order,
                           const Workload& workload) {
  const int count = in_flight(order, workload);
  const auto shared = std::make_shared<SharedQuestions>(
      sharing, *server, bench->raw.facts(), bench->service.service(), count, order.rows);
  const ClosedLoad load{count, 1, workload.seconds, order.rows};
  return watched(bench, name, [server, shared, load] {
    return run_closed_load(server->asked(), shared->questions(), load);
  });
}

Experiment served(const Workload& workload, const GpuOrder& order) {
  if (order.program.empty()) throw std::runtime_error("gpu_served needs --program: muster");
  const auto bench = std::make_shared<Bench>(workload, order);
  const auto server = std::make_shared<ServedEngine>(
      order.program,
      ServiceShape{order.plan, workload.batch, std::max(0, workload.delay_us), order.parameters},
      order.serve_words);
  Experiment experiment;
  experiment.contenders = {
      service_contender(bench, "muster_on_gpu", true, order, workload),
      served_contender(bench, "served_cuda_memory", Sharing::kCuda, server, order, workload),
      service_contender(bench, "muster_host", false, order, workload),
      served_contender(bench, "served_system_memory", Sharing::kSystem, server, order, workload)};
  experiment.comparisons = {share("served_cuda_memory", "muster_on_gpu"),
                            share("served_system_memory", "muster_host"),
                            share("served_cuda_memory", "muster_host")};
  return experiment;
}

}  // namespace

Experiment make_gpu_experiment(const Workload& workload, const GpuOrder& order) {
  if (workload.kind == "gpu_gather") {
    const RawEngine raw(order.plan);
    return gathers({raw.facts().row_bytes, workload.batch, order.threads, workload.seconds});
  }
  if (workload.kind == "gpu_saturated") return saturated(workload, order);
  if (workload.kind == "gpu_variants") return variants(workload, order);
  if (workload.kind == "gpu_one_by_one") return one_by_one(workload, order);
  if (workload.kind == "gpu_poisson") return poisson(workload, order);
  if (workload.kind == "gpu_served") return served(workload, order);
  throw std::runtime_error("there is no kind '" + workload.kind +
                           "': gpu_saturated, gpu_variants, gpu_one_by_one, gpu_poisson, "
                           "gpu_gather, gpu_served");
}

}  // namespace muster::bench
