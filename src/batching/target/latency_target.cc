// SPDX-License-Identifier: Apache-2.0
#include "batching/target/latency_target.h"

#include <algorithm>

#include "base/check.h"

namespace muster {

LatencyTarget::LatencyTarget(const BatchLimits& limits, std::size_t runners,
                             std::span<const FirstCost> first, TargetMetrics& metrics)
    : target_(limits.latency_target),
      limits_(limits),
      runners_(runners),
      metrics_(metrics),
      learner_(limits.max_rows),
      arrivals_(rate_memory(limits.latency_target)) {
  MUSTER_CHECK(limits.latency_target.count() > 0);
  for (const FirstCost& cost : first)
    learner_.guess(cost.rows, cost.length);
  metrics_.target_ns.set(limits.latency_target.count());
  metrics_.tell(learner_.curve());
}

void LatencyTarget::came(std::int64_t rows, TimePoint now) noexcept {
  arrivals_.record(rows, now);
  metrics_.tell(arrivals_.at(now), now);
}

void LatencyTarget::learn(std::int64_t rows, std::chrono::nanoseconds length) noexcept {
  learner_.learn(rows, length);
  metrics_.tell(learner_.curve());
  const std::chrono::nanoseconds delivery = delivery_->cautious();
  limits_.latency_target = left_of_target(target_, delivery);
  metrics_.delivery_ns.set(delivery.count());
}

BatchDecision LatencyTarget::decide(const LineView& line, TimePoint now) const noexcept {
  return decide_for_target(line, now, limits_, {learner_.curve(), arrivals_.at(now), runners_});
}

std::int64_t LatencyTarget::best() const noexcept {
  const CostCurve& cost = learner_.curve();
  return cost.known() ? best_rows(cost, limits_) : limits_.max_rows;
}

std::int64_t LatencyTarget::rows_until(TimePoint answer_by, TimePoint now) const noexcept {
  const CostCurve& cost = learner_.curve();
  if (!cost.known()) return limits_.max_rows;
  return cost.rows_within(answer_by - now, best());
}

std::int64_t LatencyTarget::rows_viewed() const noexcept {
  return std::max(kLeastRowsViewed, 4 * limits_.max_rows);
}

}  // namespace muster
