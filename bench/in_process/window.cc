// SPDX-License-Identifier: Apache-2.0
#include "bench/in_process/window.h"

#include <chrono>
#include <string>
#include <thread>

#include "bench/process_usage.h"

namespace muster::bench {
namespace {

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

// "8-15": sizes by powers of two.
std::string size_class(std::int64_t rows) {
  std::int64_t low = 1;
  while (low * 2 <= rows)
    low *= 2;
  return low == 1 ? "1" : std::to_string(low) + "-" + std::to_string(2 * low - 1);
}

}  // namespace

void put_batches_into(Figures& figures, const ServiceStatistics& before,
                      const ServiceStatistics& after) {
  const auto batches = static_cast<double>(after.batches - before.batches);
  if (batches == 0) return;
  figures["rows_per_batch"] = static_cast<double>(after.rows - before.rows) / batches;
  for (const auto& [rows, count] : after.batches_by_rows) {
    const auto known = before.batches_by_rows.find(rows);
    const std::uint64_t earlier = known == before.batches_by_rows.end() ? 0 : known->second;
    figures["batches_of_" + size_class(rows) + "_percent"] +=
        100 * static_cast<double>(count - earlier) / batches;
  }
  for (std::size_t i = 0; i < kCloseReasonCount; ++i) {
    const std::uint64_t count = after.batches_by_reason[i] - before.batches_by_reason[i];
    figures["closed_by_" + std::string(close_reason_name(static_cast<CloseReason>(i))) +
            "_percent"] = 100 * static_cast<double>(count) / batches;
  }
}

Figures measure_window(const ModelService* service, double seconds, std::atomic<Phase>& phase,
                       const std::function<std::uint64_t()>& items) {
  sleep_seconds(seconds / 10);
  const ServiceStatistics before = service == nullptr ? ServiceStatistics() : service->statistics();
  const std::uint64_t first = items();
  const Usage usage;
  phase = Phase::kMeasuring;
  sleep_seconds(seconds);
  Figures figures;
  usage.put_into(figures, static_cast<double>(items() - first));
  phase = Phase::kOver;
  if (service != nullptr) put_batches_into(figures, before, service->statistics());
  return figures;
}

}  // namespace muster::bench
