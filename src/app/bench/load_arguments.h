// SPDX-License-Identifier: Apache-2.0
// What the flags of `muster bench --url` say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/server_flags.h"

namespace muster {

struct LoadArguments {
  std::string url;  // "" = no server is loaded
  std::optional<std::string> model;
  std::vector<int> concurrency;
  std::vector<double> rates;           // requests a second
  double burst_seconds = 0;            // in the mean; 0 = arrivals are Poisson
  std::vector<std::string> scenarios;  // of MLPerf
  int samples_per_query = 8;           // MultiStream
  double target_latency_ms = 15;       // Server
  std::string log_folder;              // of LoadGen; "" = a temporary one
  std::optional<int> connections;
  int streams = 1;
  ServerFlags access;
  int server_pid = 0;  // 0 = not given
};

}  // namespace muster
