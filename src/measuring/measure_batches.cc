// SPDX-License-Identifier: Apache-2.0
#include "measuring/measure_batches.h"

#include <algorithm>

namespace muster {
namespace {

double seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

class Loop {
 public:
  Loop(Session& session, const SampleInputs& inputs, std::size_t output_count, Clock& clock)
      : session_(session), inputs_(inputs), output_count_(output_count), clock_(clock) {}

  // `iterations`, or as many as begin within `duration` where that is 0.
  Status run(std::uint64_t iterations, Clock::Duration duration, LatencyHistogram& latency) {
    const Clock::TimePoint until = add_saturating(clock_.now(), duration);
    Clock::TimePoint ended{};
    do {
      MUSTER_RETURN_IF_ERROR(inputs_.fill(session_));
      const Clock::TimePoint begun = clock_.now();
      MUSTER_RETURN_IF_ERROR(session_.run());
      // Where a device copies its outputs when they are asked for, that is a part of the answer.
      for (std::size_t i = 0; i < output_count_; ++i)
        MUSTER_RETURN_IF_ERROR(session_.output(i).status());
      ended = clock_.now();
      latency.record(ended - begun);
    } while (iterations > 0 ? latency.count() < iterations
                            : latency.count() < kFewestRuns || ended < until);
    return {};
  }

 private:
  Session& session_;
  const SampleInputs& inputs_;
  const std::size_t output_count_;
  Clock& clock_;
};

}  // namespace

Result<BatchMeasurement> measure_batches(Session& session, const SampleInputs& inputs,
                                         std::size_t output_count, std::int64_t rows,
                                         const MeasuringExtent& extent, Clock& clock,
                                         UsageMeter& usage) {
  Loop loop(session, inputs, output_count, clock);
  LatencyHistogram of_warm_up;
  MUSTER_RETURN_IF_ERROR(loop.run(0, extent.warm_up, of_warm_up));

  BatchMeasurement measured;
  measured.rows = rows;
  const std::chrono::nanoseconds cpu_before = usage.cpu_time();
  const Clock::TimePoint begun = clock.now();
  MUSTER_RETURN_IF_ERROR(loop.run(extent.iterations, extent.duration, measured.latency));
  measured.elapsed = clock.now() - begun;
  const std::chrono::nanoseconds cpu = usage.cpu_time() - cpu_before;
  // Between runs this thread alone works, and never waits.
  const Clock::Duration own = measured.elapsed - measured.latency.sum();
  measured.cpu_time = std::max(cpu - own, Clock::Duration{0});
  measured.resident_bytes = usage.resident_bytes();
  return measured;
}

double BatchMeasurement::items_per_second() const noexcept {
  const double busy = seconds(latency.sum());
  return busy > 0 ? static_cast<double>(rows) * static_cast<double>(latency.count()) / busy : 0;
}

double BatchMeasurement::cpu_us_per_item() const noexcept {
  const double items = static_cast<double>(rows) * static_cast<double>(latency.count());
  return items > 0 ? seconds(cpu_time) * 1e6 / items : 0;
}

double BatchMeasurement::own_share() const noexcept {
  return elapsed.count() > 0 ? 1 - seconds(latency.sum()) / seconds(elapsed) : 0;
}

std::vector<std::int64_t> doubling_sizes(std::int64_t largest) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t size = 1; size < largest; size *= 2)
    sizes.push_back(size);
  sizes.push_back(largest);
  return sizes;
}

}  // namespace muster
