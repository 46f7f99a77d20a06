// SPDX-License-Identifier: Apache-2.0
#include "app/bench/load_results.h"

#include <fmt/format.h>

#include "app/result_writer.h"

namespace muster {
namespace {

constexpr double kMebibyte = 1 << 20;

// "" or `absent` where there is none.
template <typename T>
std::string number(const std::optional<T>& value, const char* format, const char* absent) {
  return value ? fmt::format(fmt::runtime(format), *value) : absent;
}

std::string joined(const std::vector<std::string>& sentences) {
  return fmt::format("{}", fmt::join(sentences, "; "));
}

std::string csv_line(const LoadRow& row) {
  return fmt::format("{},{},{},{},{},{:.6f},{:.6f},{:.6f},{:.6f},{:.3f},{},{},{:.3f},{},{},{},{}\n",
                     csv_field(row.transport), csv_field(row.load),
                     number(row.concurrency, "{}", ""), number(row.rate, "{}", ""), row.batch_size,
                     row.mean_ms, row.p50_ms, row.p90_ms, row.p99_ms, row.items_per_second,
                     number(row.cpu_us_per_item, "{:.3f}", ""), number(row.rss_mib, "{:.2f}", ""),
                     row.client_cpu_us_per_item, row.answered, row.refused, row.failed,
                     csv_field(joined(row.limits)));
}

std::string json_line(const LoadRow& row) {
  return fmt::format(
      "{{\"transport\":{},\"load\":{},\"concurrency\":{},\"rate\":{},\"batch_size\":{},"
      "\"mean_ms\":{:.6f},\"p50_ms\":{:.6f},\"p90_ms\":{:.6f},\"p99_ms\":{:.6f},"
      "\"items_per_second\":{:.3f},\"cpu_us_per_item\":{},\"rss_mib\":{},"
      "\"client_cpu_us_per_item\":{:.3f},\"answered\":{},\"refused\":{},\"failed\":{},"
      "\"limit\":{}}}\n",
      json_string(row.transport), json_string(row.load), number(row.concurrency, "{}", "null"),
      number(row.rate, "{}", "null"), row.batch_size, row.mean_ms, row.p50_ms, row.p90_ms,
      row.p99_ms, row.items_per_second, number(row.cpu_us_per_item, "{:.3f}", "null"),
      number(row.rss_mib, "{:.2f}", "null"), row.client_cpu_us_per_item, row.answered, row.refused,
      row.failed, row.limits.empty() ? "null" : json_string(joined(row.limits)));
}

// People have one line for each limit.
std::string table_line(const LoadRow& row) {
  std::string text = fmt::format(
      "{:<12} {:>11} {:>9} {:>10} {:>10.4f} {:>10.4f} {:>10.4f} {:>10.4f} {:>16.1f} {:>15} {:>8} "
      "{:>13.2f} {:>9} {:>8} {:>8}\n",
      row.load, number(row.concurrency, "{}", "-"), number(row.rate, "{}", "-"), row.batch_size,
      row.mean_ms, row.p50_ms, row.p90_ms, row.p99_ms, row.items_per_second,
      number(row.cpu_us_per_item, "{:.2f}", "-"), number(row.rss_mib, "{:.1f}", "-"),
      row.client_cpu_us_per_item, row.answered, row.refused, row.failed);
  for (const std::string& limit : row.limits)
    text += "  " + limit + "\n";
  return text;
}

}  // namespace

void LoadRow::set(const LoadMeasurement& measured, bool of_server) {
  batch_size = measured.rows;
  static_cast<LatencyFigures&>(*this) = LatencyFigures::of(measured.latency);
  items_per_second = measured.items_per_second();
  if (of_server) {
    cpu_us_per_item = measured.server_cpu_us_per_item();
    rss_mib = static_cast<double>(measured.server_resident_bytes) / kMebibyte;
  }
  client_cpu_us_per_item = measured.client_cpu_us_per_item();
  answered = measured.answered();
  refused = measured.refused;
  failed = measured.failed;
}

std::string LoadRow::name() const {
  std::string text = load;
  if (concurrency) text += fmt::format(", concurrency {}", *concurrency);
  if (rate) text += fmt::format(", rate {}", *rate);
  return text + fmt::format(", batch size {}", batch_size);
}

std::string load_header(BenchFormat format) {
  switch (format) {
    case BenchFormat::kCsv:
      return "transport,load,concurrency,rate,batch_size,mean_ms,p50_ms,p90_ms,p99_ms,"
             "items_per_second,cpu_us_per_item,rss_mib,client_cpu_us_per_item,answered,refused,"
             "failed,limit\n";
    case BenchFormat::kJson:
      return "";
    case BenchFormat::kTable:
      return fmt::format(
          "{:<12} {:>11} {:>9} {:>10} {:>10} {:>10} {:>10} {:>10} {:>16} {:>15} {:>8} {:>13} {:>9} "
          "{:>8} {:>8}\n",
          "load", "concurrency", "rate", "batch_size", "mean_ms", "p50_ms", "p90_ms", "p99_ms",
          "items_per_second", "cpu_us_per_item", "rss_mib", "client_cpu_us", "answered", "refused",
          "failed");
  }
  return "";
}

std::string load_line(BenchFormat format, const LoadRow& row) {
  switch (format) {
    case BenchFormat::kCsv:
      return csv_line(row);
    case BenchFormat::kJson:
      return json_line(row);
    case BenchFormat::kTable:
      return table_line(row);
  }
  return "";
}

}  // namespace muster
