// SPDX-License-Identifier: Apache-2.0
// LoadRun: a running server under one load after the other, on the calling thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/bench/load_results.h"
#include "client/remote_model.h"
#include "load_generation/load_measurement.h"
#include "load_generation/scenario.h"
#include "measuring/sample_inputs.h"

namespace muster {

struct LoadsOrder {
  ServerAccess server;
  RemoteModel model;
  RowShapes shapes;
  std::vector<std::int64_t> batch_sizes;  // each with every load
  std::vector<int> concurrency;           // closed loops
  std::vector<double> rates;              // open loops, or the samples of kServer
  Clock::Duration burst_length{0};        // of open loops; 0 = they are Poisson
  std::vector<Scenario> scenarios;
  int samples_per_query = 8;          // kMultiStream
  Clock::Duration target_latency{0};  // kServer
  std::string log_folder;             // of LoadGen; not needed without scenarios
  int connections = 1;                // of an open loop or a scenario
  int streams = 1;                    // requests in flight on a connection of gRPC
  Clock::Duration warm_up{0};
  Clock::Duration duration{0};
};

// Of one request, all inputs together; and no more than a quarter of the memory that is free, as
// they are there several times while a request is put together.
inline constexpr std::uint64_t kMostRequestBytes = std::uint64_t{1} << 30;

// Called as things become known. All are needed.
struct LoadListener {
  std::function<void(const LoadRow&)> measured;
  // The row was measured, and something is to be said of it: what was refused or failed.
  std::function<void(const LoadRow&, const std::string& remark)> remarked;
  std::function<void(const std::string& load, const std::string& reason)> missed;
};

// Every load of the order ends in `measured` or `missed`.
void run_loads(const LoadsOrder& order, const LoadListener& listener, Clock& clock,
               const LoadMeters& meters);

}  // namespace muster
