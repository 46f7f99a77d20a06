// SPDX-License-Identifier: Apache-2.0
// What the flags of `muster bench --url` say, and how their texts are read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/server_call.h"

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
  std::string token_file;
  double timeout_seconds = 30;
  int server_pid = 0;  // 0 = not given
};

// A token as a file holds it, with space around. kInvalidArgument: there is none, or it is no
// token.
[[nodiscard]] Result<std::string> read_bearer_token(const std::string& file);
// URL, token and timeout.
[[nodiscard]] Result<ServerAccess> parse_server_access(const LoadArguments& arguments);

}  // namespace muster
