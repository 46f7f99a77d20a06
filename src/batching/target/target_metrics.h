// SPDX-License-Identifier: Apache-2.0
// What a queue with a latency target tells of itself: what it has learned, and what it decided. Any
// thread reads it at any time; what was written together may be read apart by a moment.
#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "batching/batch_policy.h"
#include "batching/target/arrival_rate.h"
#include "batching/target/cost_curve.h"
#include "metrics/instruments.h"

namespace muster {

struct TargetMetrics {
  struct Knot {
    Gauge rows;  // 0 = there is no such knot
    Gauge typical_ns;
    Gauge cautious_ns;
    Gauge batches;
  };
  Gauge target_ns;    // 0 = the model has none
  Gauge delivery_ns;  // from computed to handed on, as learned
  Gauge milli_rows_per_second;
  Gauge newest_arrival_ns;  // on the clock
  std::array<Knot, kMaxCostKnots> cost;
  // Batches by why they went; of kWait and kDrop, how often a worker waited or dropped.
  std::array<Counter, kTargetChoiceCount> choices;
  Gauge newest_choice;  // TargetChoice
  Counter dropped;      // requests; they are among those that expired

  void note(TargetChoice choice) noexcept {
    choices[static_cast<std::size_t>(choice)].add();
    newest_choice.set(static_cast<std::int64_t>(choice));
  }
  void tell(const CostCurve& curve) noexcept {
    for (std::size_t i = 0; i < kMaxCostKnots; ++i) {
      const CostKnot knot = i < curve.knots().size() ? curve.knots()[i] : CostKnot();
      cost[i].rows.set(knot.rows);
      cost[i].typical_ns.set(knot.typical.count());
      cost[i].cautious_ns.set(knot.cautious.count());
      cost[i].batches.set(static_cast<std::int64_t>(std::ceil(knot.batches)));
    }
  }
  void tell(double rows_per_second, Clock::TimePoint now) noexcept {
    milli_rows_per_second.set(static_cast<std::int64_t>(rows_per_second * 1000));
    newest_arrival_ns.set(now.time_since_epoch().count());
  }

  [[nodiscard]] std::chrono::nanoseconds target() const noexcept {
    return std::chrono::nanoseconds(target_ns.value());
  }
  // At `now`: the rate falls while nothing comes.
  [[nodiscard]] double rows_per_second(Clock::TimePoint now) const noexcept {
    const Clock::TimePoint newest{std::chrono::nanoseconds(newest_arrival_ns.value())};
    return ArrivalRate(rate_memory(target()))
        .decayed(static_cast<double>(milli_rows_per_second.value()) / 1000, now - newest);
  }
  // Knots of which nothing is known have cost 0.
  [[nodiscard]] std::vector<CostKnot> knots() const {
    std::vector<CostKnot> knots;
    for (const Knot& knot : cost) {
      if (knot.rows.value() == 0) break;
      const std::int64_t typical = knot.typical_ns.value();
      // Where its cost is not told yet, it is not known yet, whatever is told already.
      const std::int64_t batches = typical == 0 ? 0 : knot.batches.value();
      knots.push_back({knot.rows.value(), std::chrono::nanoseconds(typical),
                       std::chrono::nanoseconds(knot.cautious_ns.value()),
                       static_cast<double>(batches)});
    }
    return knots;
  }
};

}  // namespace muster
