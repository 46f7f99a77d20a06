// SPDX-License-Identifier: Apache-2.0
#include "serving/explanation.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "batching/target/latency_target.h"

namespace muster {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// A model of batches of up to 32, of which one takes 10 ms and one more for each row.
class Explanation : public ::testing::Test {
 protected:
  Explanation() {
    ModelConfig& config = model_.config;
    config.name = "slow";
    model_.version = 2;
    config.batching.max_batch_size = 32;
    config.dynamic_batching = true;
    config.batching.latency_target = milliseconds(100);
  }
  void learn() {
    CostLearner learner(32);
    for (const std::int64_t rows : {1, 2, 4, 8, 16, 32})
      learner.guess(rows, milliseconds(10 + rows));
    counted_.target.target_ns.set(milliseconds(100) / std::chrono::nanoseconds(1));
    counted_.target.tell(learner.curve());
  }
  BatchingExplanation explain() { return explain_batching(model_, counted_, clock_.now()); }

  FakeClock clock_;
  ModelDescription model_;
  BatchingMetrics counted_;
};

TEST_F(Explanation, says_that_nothing_is_known_yet) {
  const BatchingExplanation one = explain();
  EXPECT_EQ(one.name, "slow");
  EXPECT_EQ(one.version, 2);
  EXPECT_EQ(one.decision, "go");
  EXPECT_EQ(one.reason,
            "nothing is known yet of what batches cost, so that all that waits goes as soon as an "
            "instance is idle");
  EXPECT_EQ(one.best_rows, 0);
  EXPECT_TRUE(one.costs.empty());
  EXPECT_NE(one.frozen_config.find("latency_target_ms"), std::string::npos);
}

TEST_F(Explanation, takes_off_what_answers_need_to_go_out) {
  learn();
  const std::string before = explain().frozen_config;
  counted_.target.delivery_ns.set(milliseconds(10) / std::chrono::nanoseconds(1));
  const BatchingExplanation one = explain();
  EXPECT_EQ(one.latency_target, milliseconds(100));
  EXPECT_EQ(one.delivery, milliseconds(10));
  EXPECT_NE(one.frozen_config, before);
}

TEST_F(Explanation, tells_rate_costs_and_decision) {
  learn();
  counted_.target.tell(300.0, clock_.now());
  counted_.target.note(TargetChoice::kAtOnce);
  const BatchingExplanation one = explain();
  EXPECT_EQ(one.latency_target, milliseconds(100));
  EXPECT_EQ(one.rows_per_second, 300);
  EXPECT_NEAR(one.rows_per_second_at_most, 32 / 0.042, 1);
  EXPECT_EQ(one.best_rows, 32);
  EXPECT_EQ(one.needed_rows, 6);
  ASSERT_EQ(one.costs.size(), 6U);
  EXPECT_EQ(one.costs[0].typical, milliseconds(11));
  EXPECT_EQ(one.decisions.size(), kTargetChoiceCount - 1);
  EXPECT_EQ(one.decision, "go");
  EXPECT_EQ(one.reason,
            "batches of 6 rows keep up with what comes, so that waiting would gain nothing: what "
            "waits goes as soon as an instance is idle");
}

TEST_F(Explanation, tells_why_it_waits) {
  model_.config.instance_count = 2;
  learn();
  counted_.target.tell(600.0, clock_.now());
  const BatchingExplanation one = explain();
  EXPECT_EQ(one.decision, "wait");
  EXPECT_EQ(one.reason,
            "batches of 6 rows are needed to keep up with what comes, so that fewer wait for more, "
            "up to 8 ms: such a batch, 19.2 ms, is still in time within 100 ms then");
}

TEST_F(Explanation, says_where_the_target_is_out_of_reach) {
  model_.config.batching.latency_target = milliseconds(5);
  learn();
  const BatchingExplanation one = explain();
  EXPECT_EQ(one.reason,
            "even one row is not likely to be answered within 5 ms: it takes 11 ms, and up to 13.2 "
            "ms; requests are tried where an instance is idle, and refused elsewhere");
}

TEST_F(Explanation, of_settings_tells_what_batches_took) {
  model_.config.batching.latency_target = {};
  BatchStages& stages = counted_.stages_by_rows.at(4);
  for (const int ms : {10, 12}) {
    stages.gather.add(milliseconds(1));
    stages.compute.add(milliseconds(ms));
    stages.scatter.add(milliseconds(1));
  }
  const BatchingExplanation one = explain();
  ASSERT_EQ(one.costs.size(), 1U);
  EXPECT_EQ(one.costs[0].rows, 4);
  EXPECT_EQ(one.costs[0].typical, milliseconds(13));
  EXPECT_EQ(one.costs[0].batches, 2U);
  EXPECT_EQ(one.decisions.size(), kCloseReasonCount);
  EXPECT_EQ(one.decision, "go");
  EXPECT_EQ(one.frozen_config, "");
  model_.config.batching.max_queue_delay = microseconds(1500);
  EXPECT_EQ(explain().reason,
            "max_queue_delay_microseconds lets the oldest request wait up to 1.5 ms for others");
}

TEST_F(Explanation, freezes_the_best_size_and_a_timeout_that_leaves_it_time) {
  learn();
  const ModelConfig settings = frozen(model_.config, counted_, clock_.now());
  EXPECT_EQ(settings.batching.latency_target.count(), 0);
  EXPECT_EQ(settings.batching.max_batch_size, 32);
  EXPECT_EQ(settings.batching.max_queue_delay.count(), 0);
  // 32 rows take 50.4 ms to be cautious.
  EXPECT_EQ(settings.batching.default_queue_policy.default_timeout, microseconds(49'600));
  EXPECT_EQ(explain().frozen_config.find("latency_target_ms"), std::string::npos);
}

TEST_F(Explanation, freezes_a_wait_where_there_is_one) {
  model_.config.instance_count = 2;
  learn();
  counted_.target.tell(600.0, clock_.now());
  const ModelConfig settings = frozen(model_.config, counted_, clock_.now());
  EXPECT_EQ(settings.batching.max_queue_delay, milliseconds(8));  // half of 16
  EXPECT_EQ(settings.batching.preferred_batch_sizes, (std::vector<std::int64_t>{6}));
  const microseconds timeout = settings.batching.default_queue_policy.default_timeout;
  EXPECT_GT(timeout, settings.batching.max_queue_delay);
  EXPECT_EQ(timeout, microseconds(80'800));  // 100 - 19.2
}

TEST_F(Explanation, freezes_no_wait_beyond_a_timeout_of_the_configuration) {
  model_.config.instance_count = 2;
  model_.config.batching.default_queue_policy.default_timeout = microseconds(5000);
  learn();
  counted_.target.tell(600.0, clock_.now());
  const auto delay = [this] {
    return frozen(model_.config, counted_, clock_.now()).batching.max_queue_delay;
  };
  EXPECT_EQ(delay(), microseconds(4999));
  model_.config.batching.priority_levels = 2;
  model_.config.batching.level_policies[2].default_timeout = microseconds(3000);
  EXPECT_EQ(delay(), microseconds(2999));
  const ModelConfig settings = frozen(model_.config, counted_, clock_.now());
  EXPECT_EQ(settings.batching.default_queue_policy.default_timeout, microseconds(5000));
}

TEST_F(Explanation, keeps_a_shorter_timeout_and_smaller_batches) {
  model_.config.batching.latency_target = milliseconds(40);
  model_.config.batching.default_queue_policy.default_timeout = microseconds(1000);
  model_.config.batching.priority_levels = 2;
  model_.config.batching.level_policies[2] = {};
  learn();
  const ModelConfig settings = frozen(model_.config, counted_, clock_.now());
  EXPECT_LT(settings.batching.max_batch_size, 32);
  EXPECT_EQ(settings.batching.default_queue_policy.default_timeout, microseconds(1000));
  EXPECT_GT(settings.batching.level_policies.at(2).default_timeout.count(), 0);
}

TEST_F(Explanation, freezes_nothing_before_anything_is_known) {
  EXPECT_EQ(frozen(model_.config, counted_, clock_.now()).batching.latency_target,
            milliseconds(100));
}

}  // namespace
}  // namespace muster
