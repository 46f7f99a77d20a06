// SPDX-License-Identifier: Apache-2.0
// What `muster bench --url` found, and its text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/bench/bench_results.h"
#include "load_generation/load_measurement.h"

namespace muster {

// What a closed loop is called as a load.
inline constexpr const char* kClosedLoad = "closed";

// One load at one batch size.
struct LoadRow : LatencyFigures {
  std::string transport;                // as the URL names it
  std::string load;                     // "closed", "open", "bursts", or a scenario of MLPerf
  std::optional<int> concurrency = {};  // of a closed loop: requests in flight
  std::optional<double> rate = {};      // of an open one: requests a second
  std::int64_t batch_size = 0;
  double items_per_second = 0;
  std::optional<double> cpu_us_per_item = {};  // of the server
  std::optional<double> rss_mib = {};          // likewise
  double client_cpu_us_per_item = 0;
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;
  std::uint64_t failed = 0;
  std::vector<std::string> limits = {};  // that are not the server's

  // Takes the figures over. `of_server`: its process was looked at.
  void set(const LoadMeasurement& measured, bool of_server);
  // "closed, concurrency 8, batch size 1"
  [[nodiscard]] std::string name() const;
};

// Each ends in a line break, or is empty. CSV and JSON (one object a line) have the columns
// transport,load,concurrency,rate,batch_size,mean_ms,p50_ms,p90_ms,p99_ms,items_per_second,
// cpu_us_per_item,rss_mib,client_cpu_us_per_item,answered,refused,failed,limit; what is not known
// or means nothing is empty, or null.
[[nodiscard]] std::string load_header(BenchFormat format);
[[nodiscard]] std::string load_line(BenchFormat format, const LoadRow& row);

}  // namespace muster
