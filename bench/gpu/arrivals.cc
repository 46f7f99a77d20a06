// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/arrivals.h"

#include <atomic>
#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "bench/in_process/window.h"
#include "bench/process_usage.h"

namespace muster::bench {
namespace {

constexpr auto kNapFrom = std::chrono::microseconds(300);
// What comes first finds nothing warm.
constexpr double kWarmingPart = 0.1;

std::vector<std::chrono::nanoseconds> arrivals(double rate, double seconds) {
  std::mt19937_64 random(11);
  std::exponential_distribution<double> gap(rate);
  std::vector<std::chrono::nanoseconds> times;
  for (double at = gap(random); at < seconds; at += gap(random))
    times.emplace_back(static_cast<std::int64_t>(at * 1e9));
  return times;
}

// Near the moment it asks the clock again and again: a sleep is longer than a gap.
void wait_for(WallClock::time_point moment) {
  const auto left = moment - WallClock::now();
  if (left > kNapFrom) std::this_thread::sleep_for(left - kNapFrom / 2);
  while (WallClock::now() < moment) {
  }
}

// Of each request its own place, which one completion alone writes.
struct Answers {
  explicit Answers(std::size_t count) : took(count) {}
  std::vector<std::chrono::nanoseconds> took;
  std::atomic<std::size_t> answered{0};
  std::atomic<std::size_t> failed{0};
};

void send(ModelService& service, const Pictures& pictures, WallClock::time_point meant,
          std::size_t index, Answers& answers) {
  service.infer(pictures.request(index), [meant, index, &answers](Result<InferResponse> outcome) {
    if (!outcome.ok()) answers.failed.fetch_add(1, std::memory_order_relaxed);
    answers.took[index] = WallClock::now() - meant;
    answers.answered.fetch_add(1, std::memory_order_release);
  });
}

}  // namespace

Figures poisson_requests(ModelService& service, const Pictures& pictures, double rate,
                         double seconds) {
  const std::vector<std::chrono::nanoseconds> times = arrivals(rate, seconds * (1 + kWarmingPart));
  Answers answers(times.size());
  const ServiceStatistics before = service.statistics();
  const Usage usage;
  const auto begin = WallClock::now();
  for (std::size_t i = 0; i < times.size(); ++i) {
    wait_for(begin + times[i]);
    send(service, pictures, begin + times[i], i, answers);
  }
  while (answers.answered.load(std::memory_order_acquire) < times.size())
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  Figures figures;
  usage.put_into(figures, static_cast<double>(times.size()));
  put_batches_into(figures, before, service.statistics());
  if (answers.failed > 0) throw std::runtime_error("requests failed");
  LatencyHistogram latencies;
  const std::chrono::duration<double> warm(kWarmingPart * seconds);
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] >= warm) latencies.record(answers.took[i]);
  }
  put_into(figures, latencies);
  figures["offered_per_s"] = rate;
  return figures;
}

}  // namespace muster::bench
