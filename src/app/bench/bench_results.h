// SPDX-License-Identifier: Apache-2.0
// What `muster bench` found, and its text: a table for people, CSV and JSON for programs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "measuring/measure_batches.h"

namespace muster {

enum class BenchFormat : std::uint8_t { kTable, kCsv, kJson };
// "csv", "json"; all else is a table.
[[nodiscard]] BenchFormat parse_bench_format(std::string_view name) noexcept;

// What is told of latencies.
struct LatencyFigures {
  double mean_ms = 0;
  double p50_ms = 0;
  double p90_ms = 0;
  double p99_ms = 0;

  static LatencyFigures of(const LatencyHistogram& latencies) noexcept;
};

// One backend at one batch size.
struct BenchRow : LatencyFigures {
  std::string backend;
  std::int64_t batch_size = 0;
  double items_per_second = 0;
  double cpu_us_per_item = 0;
  double rss_mib = 0;
  std::uint64_t runs = 0;
  double gpu_mib = 0;  // of the GPU's memory, that the model and its sessions have

  static BenchRow of(std::string backend, const BatchMeasurement& measured);
};

// What could not be measured.
struct BenchMiss {
  std::string backend;
  std::int64_t batch_size = 0;  // 0: no batch size at all
  std::string reason;
};

struct BenchResults {
  std::string model;
  std::vector<std::string> conditions;  // for people, one line each
  std::vector<BenchRow> rows;
  std::vector<BenchMiss> misses;
};

// Each ends in a line break, or is empty. CSV and JSON (one object a line) have the columns
// backend,batch_size,mean_ms,p50_ms,p90_ms,p99_ms,items_per_second,cpu_us_per_item,rss_mib,gpu_mib;
// the table also says how many runs there were.
[[nodiscard]] std::string bench_header(BenchFormat format);
[[nodiscard]] std::string bench_line(BenchFormat format, const BenchRow& row);
// "openvino, batch size 8: why", without a line break.
[[nodiscard]] std::string describe_miss(const BenchMiss& miss);

}  // namespace muster
