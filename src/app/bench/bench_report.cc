// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_report.h"

#include <utility>

#include "measuring/message.h"

namespace muster {
namespace {

enum class Kind : std::uint8_t { kOpened = 1, kMeasured, kMissed };

void put(MessageWriter& to, const BenchOpened& opened) {
  to.put(Kind::kOpened);
  to.put_text(opened.runtime);
  to.put(opened.largest_batch_size);
}

void put(MessageWriter& to, const BenchMeasured& measured) {
  const BenchRow& row = measured.row;
  to.put(Kind::kMeasured);
  to.put_text(row.backend);
  to.put(row.batch_size);
  for (const double figure : {row.mean_ms, row.p50_ms, row.p90_ms, row.p99_ms, row.items_per_second,
                              row.cpu_us_per_item, row.rss_mib})
    to.put(figure);
  to.put(row.runs);
  to.put(row.gpu_mib);
  to.put(measured.own_share);
}

void put(MessageWriter& to, const BenchMiss& miss) {
  to.put(Kind::kMissed);
  to.put_text(miss.backend);
  to.put(miss.batch_size);
  to.put_text(miss.reason);
}

BenchOpened take_opened(MessageReader& from) {
  BenchOpened opened;
  opened.runtime = from.take_text();
  opened.largest_batch_size = from.take<std::int64_t>();
  return opened;
}

BenchMeasured take_measured(MessageReader& from) {
  BenchMeasured measured;
  BenchRow& row = measured.row;
  row.backend = from.take_text();
  row.batch_size = from.take<std::int64_t>();
  for (double* const figure : {&row.mean_ms, &row.p50_ms, &row.p90_ms, &row.p99_ms,
                               &row.items_per_second, &row.cpu_us_per_item, &row.rss_mib})
    *figure = from.take<double>();
  row.runs = from.take<std::uint64_t>();
  row.gpu_mib = from.take<double>();
  measured.own_share = from.take<double>();
  return measured;
}

BenchMiss take_miss(MessageReader& from) {
  BenchMiss miss;
  miss.backend = from.take_text();
  miss.batch_size = from.take<std::int64_t>();
  miss.reason = from.take_text();
  return miss;
}

std::optional<BenchReport> take(MessageReader& from) {
  switch (from.take<Kind>()) {
    case Kind::kOpened:
      return take_opened(from);
    case Kind::kMeasured:
      return take_measured(from);
    case Kind::kMissed:
      return take_miss(from);
  }
  return std::nullopt;
}

}  // namespace

std::string message_of(const BenchReport& report) {
  MessageWriter message;
  std::visit([&](const auto& it) { put(message, it); }, report);
  return std::move(message).take();
}

std::optional<BenchReport> report_of(std::string_view message) {
  MessageReader reader(message);
  auto report = take(reader);
  if (!reader.is_whole()) return std::nullopt;
  return report;
}

}  // namespace muster
