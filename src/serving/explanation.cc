// SPDX-License-Identifier: Apache-2.0
#include "serving/explanation.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "batching/batch_queue.h"
#include "batching/target/delivery_lag.h"
#include "batching/target/target_policy.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

std::string in_ms(nanoseconds length) {
  const auto us = std::chrono::round<microseconds>(length).count();
  std::string text = std::to_string(us / 1000);
  if (us % 1000 == 0) return text + " ms";
  std::string part = std::to_string(1000 + us % 1000).substr(1);
  while (part.back() == '0')
    part.pop_back();
  return text + "." + part + " ms";
}

std::string rows_text(std::int64_t rows) {
  return std::to_string(rows) + (rows == 1 ? " row" : " rows");
}

// What the policy is asked with, read from what the queue tells.
struct Known {
  Known(const ModelConfig& config, const BatchingMetrics& counted, Clock::TimePoint now)
      : target(config.batching.latency_target),
        limits(limits_of(config, counted)),
        cost(knots_of(counted, limits)),
        facts{cost, counted.target.rows_per_second(now),
              static_cast<std::size_t>(std::max(1, config.instance_count))},
        best(best_rows(cost, limits)),
        needed(needed_rows(facts, limits)) {}

  static BatchLimits limits_of(const ModelConfig& config, const BatchingMetrics& counted) {
    BatchLimits limits = queue_options_of(config).limits;
    limits.latency_target =
        left_of_target(limits.latency_target, nanoseconds(counted.target.delivery_ns.value()));
    return limits;
  }
  static CostCurve knots_of(const BatchingMetrics& counted, const BatchLimits& limits) {
    const std::vector<CostKnot> knots = counted.target.knots();
    return knots.empty() ? CostCurve(limits.max_rows) : CostCurve(knots);
  }
  // For a request that comes alone.
  [[nodiscard]] BatchDecision decision(Clock::TimePoint now) const {
    const LineMember alone{add_saturating(now, limits.latency_target), 1};
    return decide_for_target({{&alone, 1}}, now, limits, facts);
  }
  [[nodiscard]] double rows_per_second_at_most() const {
    if (best == 0) return 0;
    const double batch = std::chrono::duration<double>(cost.typical(best)).count();
    return static_cast<double>(facts.runners) * static_cast<double>(best) / batch;
  }

  const nanoseconds target;
  const BatchLimits limits;  // of what delivery leaves of it
  const CostCurve cost;
  const TargetFacts facts;
  const std::int64_t best;
  const std::int64_t needed;
};

std::string reason_of(const Known& known, const BatchDecision& decision, Clock::TimePoint now) {
  const std::string target = in_ms(known.target);
  if (const auto* take = std::get_if<TakeNow>(&decision)) {
    switch (take->choice) {
      case TargetChoice::kLearning:
        return "nothing is known yet of what batches cost, so that all that waits goes as soon as "
               "an instance is idle";
      case TargetChoice::kHopeless:
        return "even one row is not likely to be answered within " + target + ": it takes " +
               in_ms(known.cost.typical(1)) + ", and up to " + in_ms(known.cost.cautious(1)) +
               "; requests are tried where an instance is idle, and refused elsewhere";
      case TargetChoice::kFull:
        return "a batch has one row at most";
      default:
        break;
    }
    return "batches of " + rows_text(known.needed) +
           " keep up with what comes, so that waiting would gain nothing: what waits goes as soon "
           "as an instance is idle";
  }
  return "batches of " + rows_text(known.needed) +
         " are needed to keep up with what comes, so that fewer wait for more, up to " +
         in_ms(std::get<WaitUntil>(decision).time - now) + ": such a batch, " +
         in_ms(known.cost.cautious(known.needed)) + ", is still in time within " + target + " then";
}

void explain_target(const ModelConfig& config, const BatchingMetrics& counted, Clock::TimePoint now,
                    BatchingExplanation& explanation) {
  const Known known(config, counted, now);
  for (const CostKnot& knot : known.cost.knots()) {
    if (knot.typical.count() == 0) continue;
    explanation.costs.push_back(
        {knot.rows, knot.typical, knot.cautious, static_cast<std::uint64_t>(knot.batches)});
  }
  for (std::size_t i = 1; i < kTargetChoiceCount; ++i) {
    explanation.decisions.push_back({std::string(target_choice_name(static_cast<TargetChoice>(i))),
                                     counted.target.choices[i].value()});
  }
  const BatchDecision decision = known.decision(now);
  explanation.decision = std::holds_alternative<WaitUntil>(decision) ? "wait" : "go";
  explanation.reason = reason_of(known, decision, now);
  explanation.delivery = known.target - known.limits.latency_target;
  explanation.rows_per_second = known.facts.rows_per_second;
  explanation.rows_per_second_at_most = known.rows_per_second_at_most();
  explanation.best_rows = known.best;
  explanation.needed_rows = known.needed;
  explanation.dropped = counted.target.dropped.value();
  explanation.frozen_config = to_text(frozen(config, counted, now));
}

void explain_settings(const ModelConfig& config, const BatchingMetrics& counted,
                      BatchingExplanation& explanation) {
  counted.stages_by_rows.for_each([&](std::int64_t rows, const BatchStages& stages) {
    const std::uint64_t batches = stages.compute.count();
    if (batches == 0) return;
    const nanoseconds total =
        stages.gather.total() + stages.compute.total() + stages.scatter.total();
    explanation.costs.push_back({rows, total / static_cast<std::int64_t>(batches), {}, batches});
  });
  for (std::size_t i = 0; i < kCloseReasonCount; ++i) {
    explanation.decisions.push_back({std::string(close_reason_name(static_cast<CloseReason>(i))),
                                     counted.batches_by_reason[i].value()});
  }
  const nanoseconds delay = config.batching.max_queue_delay;
  if (!config.dynamic_batching || delay.count() == 0) {
    explanation.decision = "go";
    explanation.reason = config.dynamic_batching
                             ? "max_queue_delay_microseconds is 0: what waits goes as soon as an "
                               "instance is idle"
                             : "requests do not share batches";
    return;
  }
  explanation.decision = "wait";
  explanation.reason = "max_queue_delay_microseconds lets the oldest request wait up to " +
                       in_ms(delay) + " for others";
}

}  // namespace

BatchingExplanation explain_batching(const ModelDescription& model, const BatchingMetrics& counted,
                                     Clock::TimePoint now) {
  const ModelConfig& config = model.config;
  BatchingExplanation explanation;
  explanation.name = config.name;
  explanation.version = model.version;
  explanation.latency_target = config.batching.latency_target;
  explanation.max_batch_size = config.batching.max_batch_size;
  explanation.merges = config.dynamic_batching;
  explanation.max_queue_delay = config.batching.max_queue_delay;
  explanation.instance_count = config.instance_count;
  if (config.batching.latency_target.count() > 0) {
    explain_target(config, counted, now, explanation);
  } else {
    explain_settings(config, counted, explanation);
  }
  return explanation;
}

ModelConfig frozen(const ModelConfig& config, const BatchingMetrics& counted,
                   Clock::TimePoint now) {
  ModelConfig settings = config;
  BatchingOptions& batching = settings.batching;
  if (batching.latency_target.count() == 0) return settings;
  const Known known(config, counted, now);
  if (known.best == 0) return settings;
  batching.latency_target = {};
  if (batching.max_batch_size > 0) batching.max_batch_size = known.best;
  const auto left = [&](std::int64_t rows) {
    const nanoseconds rest = known.limits.latency_target - known.cost.cautious(rows);
    return std::max(microseconds(1), std::chrono::floor<microseconds>(rest));
  };
  if (!config.dynamic_batching) return settings;
  const BatchDecision decision = known.decision(now);
  if (const auto* wait = std::get_if<WaitUntil>(&decision))
    batching.max_queue_delay = std::chrono::floor<microseconds>(wait->time - now);
  const bool waits = batching.max_queue_delay.count() > 0;
  const microseconds timeout = left(waits ? known.needed : known.best);
  // Nobody is to be refused before the wait for others is over.
  const auto limit = [&](QueuePolicy& policy) {
    if (policy.default_timeout.count() == 0 || policy.default_timeout > timeout) {
      policy.default_timeout = timeout;
      policy.timeout_action = QueuePolicy::TimeoutAction::kReject;
    }
    batching.max_queue_delay =
        std::min(batching.max_queue_delay, policy.default_timeout - microseconds(1));
  };
  limit(batching.default_queue_policy);
  for (auto& [level, policy] : batching.level_policies)
    limit(policy);
  if (batching.max_queue_delay.count() > 0 && known.needed < known.best)
    batching.preferred_batch_sizes = {known.needed};
  return settings;
}

}  // namespace muster
