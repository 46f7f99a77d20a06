// SPDX-License-Identifier: Apache-2.0
// LatencyTarget: what a queue keeps to answer within a target: what batches cost, how much comes,
// and with these the policy. It tells all of it in its metrics.
//
// No threads: the queue uses it under its lock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "batching/batch_policy.h"
#include "batching/target/arrival_rate.h"
#include "batching/target/cost_curve.h"
#include "batching/target/delivery_lag.h"
#include "batching/target/target_metrics.h"
#include "batching/target/target_policy.h"

namespace muster {

// What a batch of so many rows takes, as was seen before the model served.
struct FirstCost {
  std::int64_t rows = 1;
  std::chrono::nanoseconds length{0};
};

class LatencyTarget {
 public:
  // `limits.latency_target` is above 0. `metrics` must outlive it.
  LatencyTarget(const BatchLimits& limits, std::size_t runners, std::span<const FirstCost> first,
                TargetMetrics& metrics);

  // By when one that is offered now, and was received then ({} = now), must be computed to be there
  // in time. What it may have waited before counts up to a quarter of the target: one client's
  // request that is long to read makes others look older than they are.
  [[nodiscard]] TimePoint answer_by(TimePoint received, TimePoint now) const noexcept {
    const TimePoint since =
        received == TimePoint{} ? now : std::clamp(received, now - target_ / 4, now);
    return add_saturating(since, limits_.latency_target);
  }
  // By when one of so many rows must be taken, alone, to be answered by then.
  [[nodiscard]] TimePoint take_by(TimePoint answer_by, std::int64_t rows) const noexcept {
    return answer_by - learner_.curve().typical(rows);
  }
  void came(std::int64_t rows, TimePoint now) noexcept;
  void learn(std::int64_t rows, std::chrono::nanoseconds length) noexcept;

  [[nodiscard]] BatchDecision decide(const LineView& line, TimePoint now) const noexcept;
  // The most rows of a batch: best_rows, or until something is learned, as many as there may be.
  [[nodiscard]] std::int64_t best() const noexcept;
  // The most rows of a batch whose first must be answered by then.
  [[nodiscard]] std::int64_t rows_until(TimePoint answer_by, TimePoint now) const noexcept;

  // For answers of this queue's; outlives it where some are still on their way.
  [[nodiscard]] std::shared_ptr<DeliveryMeter> delivery() const noexcept { return delivery_; }

  // Of each line so many rows are viewed, in this memory.
  [[nodiscard]] std::int64_t rows_viewed() const noexcept;
  [[nodiscard]] std::vector<LineMember>& view_memory() noexcept { return members_; }
  [[nodiscard]] TargetMetrics& metrics() const noexcept { return metrics_; }

 private:
  const std::chrono::nanoseconds target_;
  BatchLimits limits_;  // whose target is what delivery leaves of it
  const std::size_t runners_;
  const std::shared_ptr<DeliveryLag> delivery_ = std::make_shared<DeliveryLag>();
  TargetMetrics& metrics_;
  CostLearner learner_;
  ArrivalRate arrivals_;
  std::vector<LineMember> members_;
};

}  // namespace muster
