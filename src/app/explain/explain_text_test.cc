// SPDX-License-Identifier: Apache-2.0
#include "app/explain/explain_text.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::microseconds;

TEST(ExplainText, tells_of_a_latency_target) {
  BatchingExplanation one;
  one.name = "slow\n";
  one.version = 2;
  one.latency_target = microseconds(20'000);
  one.instance_count = 2;
  one.delivery = microseconds(700);
  one.rows_per_second = 1000;
  one.rows_per_second_at_most = 4000;
  one.best_rows = 32;
  one.needed_rows = 4;
  one.dropped = 7;
  one.decision = "go";
  one.reason = "little comes";
  one.costs = {{4, microseconds(2000), microseconds(2500), 9}};
  one.decisions = {{"at_once", 12}, {"drop", 3}};
  EXPECT_EQ(explain_text(one),
            "model         slow\\x0a, version 2, 2 instances\n"
            "target        20 ms from coming in to going out\n"
            "delivery      0.700 ms of it, as answers go out\n"
            "arrivals      1000.0 rows a second of at most 4000.0 that can be run in time (25 %)\n"
            "batches       up to 32 rows; 4 keep up with the arrivals\n"
            "dropped       7 requests, for those behind them\n"
            "decision      go: little comes\n"
            "\n"
            "    rows   typical_ms  cautious_ms   rows_per_s    batches\n"
            "       4        2.000        2.500       2000.0          9\n"
            "\n"
            "decided so far\n"
            "  at_once      12\n"
            "  drop         3\n");
}

TEST(ExplainText, tells_of_settings) {
  BatchingExplanation one;
  one.name = "lenet";
  one.version = 1;
  one.max_batch_size = 64;
  one.merges = true;
  one.max_queue_delay = microseconds(500);
  one.decision = "wait";
  one.reason = "it is told to";
  EXPECT_EQ(explain_text(one),
            "model         lenet, version 1, 1 instance\n"
            "target        none (parameter latency_target_ms)\n"
            "batches       up to 64 rows, shared by several requests\n"
            "delay         0.5 ms\n"
            "decision      wait: it is told to\n"
            "costs         nothing has been run yet\n"
            "decided so far\n");
}

}  // namespace
}  // namespace muster
