// SPDX-License-Identifier: Apache-2.0
#include "app/bench/load_run.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "app/subject/model_subject.h"
#include "base/caught.h"
#include "client/connections.h"
#include "load_generation/client_limit.h"
#include "load_generation/closed_loop.h"
#include "load_generation/open_loop.h"
#include "load_generation/server_target.h"

namespace muster {
namespace {

// One request, as every slot sends it. `limit`: of its inputs.
Result<std::string> make_request(const LoadsOrder& order, std::int64_t rows, std::uint64_t limit) {
  const ModelSignature& signature = order.model.signature;
  const bool stacked = order.model.stacked;
  if (!stacked && rows != 1) return no_batch_axis(signature);
  MUSTER_ASSIGN_OR_RETURN(const SampleInputs inputs,
                          SampleInputs::make(signature, stacked, rows, order.shapes, limit));
  std::vector<InferInput> named;
  for (std::size_t i = 0; i < signature.inputs.size(); ++i)
    named.push_back({signature.inputs[i].name, inputs.tensors()[i].view()});
  return infer_request(order.server, order.model.name, named);
}

class Loads {
 public:
  Loads(const LoadsOrder& order, const LoadListener& listener, Clock& clock,
        const LoadMeters& meters)
      : order_(order), listener_(listener), clock_(clock), meters_(meters) {}

  void run(std::int64_t batch_size) {
    const std::uint64_t limit = std::min(kMostRequestBytes, meters_.client.available_bytes() / 4);
    const auto request = caught([&] { return make_request(order_, batch_size, limit); });
    for (const int concurrency : order_.concurrency) {
      LoadRow row = row_of(kClosedLoad, batch_size);
      row.concurrency = concurrency;
      finish(std::move(row),
             request.ok() ? closed(*request, concurrency, batch_size) : request.status());
    }
    for (const Scenario scenario : order_.scenarios)
      run_scenarios(scenario, request, batch_size);
    if (!order_.scenarios.empty()) return;
    for (const double rate : order_.rates) {
      LoadRow row = row_of(order_.burst_length.count() > 0 ? "bursts" : "open", batch_size);
      row.rate = rate;
      finish(std::move(row), request.ok() ? open(*request, rate, batch_size) : request.status());
    }
  }

 private:
  // kServer once for each rate.
  void run_scenarios(Scenario scenario, const Result<std::string>& request, std::int64_t rows) {
    const bool server = scenario == Scenario::kServer;
    for (const double rate : server ? order_.rates : std::vector<double>{0}) {
      LoadRow row = row_of(std::string(scenario_name(scenario)), rows);
      if (server) row.rate = rate;
      if (scenario == Scenario::kSingleStream) row.concurrency = 1;
      if (scenario == Scenario::kMultiStream) row.concurrency = order_.samples_per_query;
      auto measured = request.ok() ? run_one(scenario, *request, rate, rows)
                                   : Result<ScenarioMeasurement>(request.status());
      if (!measured.ok()) {
        listener_.missed(row.name(), std::string(measured.status().message()));
        continue;
      }
      finish(row, *measured);
    }
  }

  [[nodiscard]] LoadRow row_of(std::string load, std::int64_t batch_size) const {
    LoadRow row{{}, std::string(transport_name(order_.server.address)), std::move(load)};
    row.batch_size = batch_size;
    return row;
  }

  // Requests in flight on a connection; HTTP has one.
  [[nodiscard]] int streams() const {
    return order_.server.address.transport == Transport::kGrpc ? order_.streams : 1;
  }
  // Of an open loop or a scenario.
  [[nodiscard]] int slots() const { return order_.connections * streams(); }

  // With as many slots, or some more.
  Result<ServerTarget> connect(const std::string& request, int wanted) {
    const int each = std::min(streams(), wanted);
    MUSTER_ASSIGN_OR_RETURN(
        Connections connections,
        Connections::open({order_.server.address,
                           [this, each] { return make_wire(order_.server, "ModelInfer", each); },
                           (wanted + each - 1) / each, each, order_.server.limit}));
    return ServerTarget(std::move(connections), {request});
  }

  Result<LoadMeasurement> closed(const std::string& request, int concurrency, std::int64_t rows) {
    MUSTER_ASSIGN_OR_RETURN(ServerTarget target, connect(request, concurrency));
    intent_ = {0, concurrency};
    return run_closed_loop(
        target, {concurrency, rows, order_.warm_up, order_.duration, order_.server.limit}, clock_,
        meters_);
  }

  Result<LoadMeasurement> open(const std::string& request, double rate, std::int64_t rows) {
    MUSTER_ASSIGN_OR_RETURN(ServerTarget target, connect(request, slots()));
    intent_ = {rate, target.slots()};
    OpenLoop loop{rate, rows, order_.warm_up, order_.duration, order_.server.limit};
    loop.burst_length = order_.burst_length;
    return run_open_loop(target, loop, clock_, meters_);
  }

  Result<ScenarioMeasurement> run_one(Scenario scenario, const std::string& request, double rate,
                                      std::int64_t rows) {
    int wanted = slots();
    if (scenario == Scenario::kSingleStream) wanted = 1;
    if (scenario == Scenario::kMultiStream) wanted = std::min(wanted, order_.samples_per_query);
    MUSTER_ASSIGN_OR_RETURN(ServerTarget target, connect(request, wanted));
    intent_ = {rate, target.slots()};
    return run_scenario(target,
                        {scenario, rows, rate, order_.samples_per_query, order_.target_latency,
                         order_.warm_up, order_.duration, order_.server.limit, order_.log_folder},
                        clock_, meters_);
  }

  void finish(LoadRow& row, const ScenarioMeasurement& measured) {
    if (measured.load.answered() == 0)
      return listener_.missed(row.name(),
                              "no request was answered: " + measured.load.first_failure);
    row.set(measured.load, meters_.server != nullptr);
    // LoadGen's own figures are what the scenario is known for.
    static_cast<LatencyFigures&>(row) = {measured.mean_ms, measured.p50_ms, measured.p90_ms,
                                         measured.p99_ms};
    row.items_per_second = measured.samples_per_second * static_cast<double>(measured.load.rows);
    row.limits = client_limits(measured.load, intent_);
    listener_.measured(row);
    if (!measured.valid)
      listener_.remarked(row, "LoadGen says INVALID: " + measured.invalid_reason);
    tell_failures(row, measured.load);
  }

  void finish(LoadRow row, const Result<LoadMeasurement>& measured) {
    if (!measured.ok())
      return listener_.missed(row.name(), std::string(measured.status().message()));
    if (measured->answered() == 0) {
      return listener_.missed(
          row.name(), measured->requests() == 0
                          ? "no request was due or answered within the time; give more --seconds"
                          : "no request was answered: " + measured->first_failure);
    }
    row.set(*measured, meters_.server != nullptr);
    row.limits = client_limits(*measured, intent_);
    listener_.measured(row);
    tell_failures(row, *measured);
  }

  void tell_failures(const LoadRow& row, const LoadMeasurement& measured) {
    if (measured.refused + measured.failed == 0) return;
    listener_.remarked(row, fmt::format("{} requests were refused and {} failed, the first: {}",
                                        measured.refused, measured.failed, measured.first_failure));
  }

  const LoadsOrder& order_;
  const LoadListener& listener_;
  Clock& clock_;
  const LoadMeters meters_;
  LoadIntent intent_;  // of the load that is measured
};

}  // namespace

void run_loads(const LoadsOrder& order, const LoadListener& listener, Clock& clock,
               const LoadMeters& meters) {
  Loads loads(order, listener, clock, meters);
  for (const std::int64_t batch_size : order.batch_sizes)
    loads.run(batch_size);
}

}  // namespace muster
