// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_results.h"

#include <utility>

#include <fmt/format.h>

#include "app/result_writer.h"
#include "base/text.h"

namespace muster {
namespace {

constexpr double kMebibyte = 1 << 20;

}  // namespace

BenchFormat parse_bench_format(std::string_view name) noexcept {
  if (name == "csv") return BenchFormat::kCsv;
  return name == "json" ? BenchFormat::kJson : BenchFormat::kTable;
}

LatencyFigures LatencyFigures::of(const LatencyHistogram& latencies) noexcept {
  return {latencies.mean().count(), latencies.percentile(50).count(),
          latencies.percentile(90).count(), latencies.percentile(99).count()};
}

BenchRow BenchRow::of(std::string backend, const BatchMeasurement& measured) {
  BenchRow row{LatencyFigures::of(measured.latency), std::move(backend), measured.rows};
  row.items_per_second = measured.items_per_second();
  row.cpu_us_per_item = measured.cpu_us_per_item();
  row.rss_mib = static_cast<double>(measured.resident_bytes) / kMebibyte;
  row.runs = measured.latency.count();
  return row;
}

std::string bench_header(BenchFormat format) {
  switch (format) {
    case BenchFormat::kCsv:
      return "backend,batch_size,mean_ms,p50_ms,p90_ms,p99_ms,items_per_second,cpu_us_per_item,"
             "rss_mib,gpu_mib\n";
    case BenchFormat::kJson:
      return "";
    case BenchFormat::kTable:
      return fmt::format(
          "{:<20} {:>10} {:>10} {:>10} {:>10} {:>10} {:>16} {:>15} {:>8} {:>8} {:>8}\n", "backend",
          "batch_size", "mean_ms", "p50_ms", "p90_ms", "p99_ms", "items_per_second",
          "cpu_us_per_item", "rss_mib", "gpu_mib", "runs");
  }
  return "";
}

std::string bench_line(BenchFormat format, const BenchRow& row) {
  switch (format) {
    case BenchFormat::kCsv:
      return fmt::format("{},{},{:.6f},{:.6f},{:.6f},{:.6f},{:.3f},{:.3f},{:.2f},{:.2f}\n",
                         csv_field(row.backend), row.batch_size, row.mean_ms, row.p50_ms,
                         row.p90_ms, row.p99_ms, row.items_per_second, row.cpu_us_per_item,
                         row.rss_mib, row.gpu_mib);
    case BenchFormat::kJson:
      return fmt::format(
          R"({{"backend":{},"batch_size":{},"mean_ms":{:.6f},"p50_ms":{:.6f},"p90_ms":{:.6f},)"
          R"("p99_ms":{:.6f},"items_per_second":{:.3f},"cpu_us_per_item":{:.3f},"rss_mib":{:.2f},)"
          R"("gpu_mib":{:.2f}}})"
          "\n",
          json_string(row.backend), row.batch_size, row.mean_ms, row.p50_ms, row.p90_ms, row.p99_ms,
          row.items_per_second, row.cpu_us_per_item, row.rss_mib, row.gpu_mib);
    case BenchFormat::kTable:
      return fmt::format(
          "{:<20} {:>10} {:>10.4f} {:>10.4f} {:>10.4f} {:>10.4f} {:>16.1f} {:>15.2f} {:>8.1f} "
          "{:>8.1f} {:>8}\n",
          row.backend, row.batch_size, row.mean_ms, row.p50_ms, row.p90_ms, row.p99_ms,
          row.items_per_second, row.cpu_us_per_item, row.rss_mib, row.gpu_mib, row.runs);
  }
  return "";
}

std::string describe_miss(const BenchMiss& miss) {
  const std::string backend = printable(miss.backend);
  if (miss.batch_size == 0) return backend + ": " + miss.reason;
  return fmt::format("{}, batch size {}: {}", backend, miss.batch_size, miss.reason);
}

}  // namespace muster
