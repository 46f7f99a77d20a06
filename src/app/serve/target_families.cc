// SPDX-License-Identifier: Apache-2.0
#include "app/serve/target_families.h"

#include <cstddef>
#include <string>
#include <utility>

namespace muster {

TargetFamilies::TargetFamilies()
    : target_(gauge_family("muster_latency_target_seconds",
                           "Within which requests are to be answered")),
      delivery_(gauge_family("muster_answer_delivery_seconds",
                             "What answers take to go out once they are computed, as learned")),
      arrivals_(gauge_family("muster_arrival_rows_per_second", "Rows that come, lately")),
      cost_(gauge_family("muster_batch_cost_seconds",
                         "What a batch of so many rows takes, as learned")),
      decisions_(counter_family("muster_target_decisions_total",
                                "What the latency target decided, by why")),
      dropped_(counter_family("muster_requests_dropped_total",
                              "Answered unrun so that those behind them are in time")) {}

void TargetFamilies::add(const MetricLabels& labels, const TargetMetrics& target,
                         Clock::TimePoint now) {
  if (target.target().count() == 0) return;
  add_value(target_, labels, in_seconds(target.target()));
  add_value(delivery_, labels, in_seconds(std::chrono::nanoseconds(target.delivery_ns.value())));
  add_value(arrivals_, labels, target.rows_per_second(now));
  for (const CostKnot& knot : target.knots()) {
    if (knot.typical.count() == 0) continue;
    const MetricLabels of_size = with_label(labels, "rows", std::to_string(knot.rows));
    add_value(cost_, with_label(of_size, "estimate", "typical"), in_seconds(knot.typical));
    add_value(cost_, with_label(of_size, "estimate", "cautious"), in_seconds(knot.cautious));
  }
  for (std::size_t i = 1; i < kTargetChoiceCount; ++i) {
    const std::string name(target_choice_name(static_cast<TargetChoice>(i)));
    add_value(decisions_, with_label(labels, "decision", name), target.choices[i].value());
  }
  add_value(dropped_, labels, target.dropped.value());
}

void TargetFamilies::move_into(std::vector<prometheus::MetricFamily>& page) {
  for (prometheus::MetricFamily* family :
       {&target_, &delivery_, &arrivals_, &cost_, &decisions_, &dropped_}) {
    if (!family->metric.empty()) page.push_back(std::move(*family));
  }
}

}  // namespace muster
