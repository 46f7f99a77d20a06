// SPDX-License-Identifier: Apache-2.0
#include "app/advise/judge.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

MeasuredCandidate measured(Setup setup, std::int64_t batch_size, double rate, double p99_ms = 1,
                           double cpu_us = 10) {
  MeasuredCandidate one;
  one.candidate = {std::move(setup), batch_size};
  one.figures = {rate, p99_ms / 2, p99_ms, cpu_us};
  return one;
}

const Setup kOne{"onnxruntime", 1, 1};
const Setup kWide{"onnxruntime", 1, 2};
const Setup kTwo{"onnxruntime", 2, 1};
const Setup kOther{"openvino", 1, 1};

Goal goal() {
  Goal wanted;
  wanted.own_backend = "onnxruntime";
  return wanted;
}

std::vector<Candidate> order_of(const std::vector<RankedCandidate>& ranked) {
  std::vector<Candidate> order;
  for (const RankedCandidate& one : ranked)
    order.push_back(one.measured.candidate);
  return order;
}

TEST(Judge, puts_the_most_rows_a_second_first) {
  const auto ranked =
      judge({measured(kOne, 8, 700), measured(kTwo, 8, 1000), measured(kWide, 8, 600)}, goal());
  EXPECT_EQ(order_of(ranked), (std::vector<Candidate>{{kTwo, 8}, {kOne, 8}, {kWide, 8}}));
  EXPECT_EQ(ranked[0].reason, "the most rows a second");
  EXPECT_EQ(ranked[1].reason, "30 % fewer rows a second");
  EXPECT_TRUE(ranked[2].suits);
  EXPECT_FALSE(ranked[1].tie);
}

TEST(Judge, decides_ties_by_a_fixed_order_whoever_is_ahead) {
  for (const double ahead : {-1.0, 1.0}) {
    const auto of = [&](muster::Setup setup, std::int64_t size, double part) {
      return measured(std::move(setup), size, 1000 + ahead * part);
    };
    const auto ranked = judge(
        {of(kTwo, 8, 15), of(kWide, 8, 12), of(kOther, 8, 9), of(kOne, 16, 6), of(kOne, 8, 3)},
        goal());
    EXPECT_EQ(order_of(ranked),
              (std::vector<Candidate>{{kOne, 8}, {kOne, 16}, {kOther, 8}, {kWide, 8}, {kTwo, 8}}));
    for (const RankedCandidate& one : ranked)
      EXPECT_TRUE(one.tie);
    EXPECT_EQ(ranked[1].reason, "within 4 %, a tie: larger batches, so longer waits");
    EXPECT_EQ(ranked[2].reason, "within 4 %, a tie: not the model's own backend");
    EXPECT_EQ(ranked[3].reason, "within 4 %, a tie: more threads at work (2 and not 1)");
  }
}

TEST(Judge, says_what_a_first_has_that_is_not_the_fastest) {
  const auto ranked = judge({measured(kTwo, 8, 1000), measured(kOne, 8, 970)}, goal());
  EXPECT_EQ(ranked[0].measured.candidate.setup, kOne);
  EXPECT_EQ(ranked[0].reason,
            "within 4 % of the most rows a second, with fewer threads at work (1 and not 2)");
}

TEST(Judge, takes_the_most_rows_within_a_latency) {
  Goal wanted = goal();
  wanted.latency_ms = 10;
  wanted.queue_delay_ms = 1;
  // 1 + 2 * 4.5 is just within.
  const auto ranked = judge(
      {measured(kTwo, 64, 1000, 5), measured(kTwo, 32, 800, 4.5), measured(kTwo, 1, 300, 0.1)},
      wanted);
  EXPECT_EQ(order_of(ranked), (std::vector<Candidate>{{kTwo, 32}, {kTwo, 1}, {kTwo, 64}}));
  EXPECT_NEAR(ranked[0].full_ms, 10, 1e-9);
  EXPECT_EQ(ranked[0].reason, "the most rows a second within 10 ms");
  EXPECT_EQ(ranked[2].reason, "a full batch takes up to 11 ms with its wait: more than 10");
}

TEST(Judge, puts_the_nearest_first_where_nothing_suits) {
  Goal wanted = goal();
  wanted.latency_ms = 1;
  const auto ranked = judge({measured(kTwo, 64, 1000, 5), measured(kTwo, 1, 300, 2)}, wanted);
  EXPECT_EQ(ranked[0].measured.candidate.batch_size, 1);
  EXPECT_FALSE(ranked[0].suits);
  EXPECT_EQ(ranked[0].reason, "a full batch takes up to 4 ms with its wait: more than 1");
}

TEST(Judge, carries_a_rate_for_the_least_processor_time_with_room_to_spare) {
  Goal wanted = goal();
  wanted.rate = 1000;
  const auto ranked = judge({measured(kOne, 8, 1200, 1, 5), measured(kOne, 16, 1250, 2, 20),
                             measured(kTwo, 16, 5000, 2, 30)},
                            wanted);
  EXPECT_EQ(order_of(ranked), (std::vector<Candidate>{{kOne, 16}, {kTwo, 16}, {kOne, 8}}));
  EXPECT_EQ(ranked[0].reason, "the least processor time for 1000 rows a second: 20 us a row");
  EXPECT_EQ(ranked[1].reason, "50 % more processor time a row");
  EXPECT_EQ(ranked[2].reason,
            "carries 1200 rows a second: too few for 1000 with a quarter to spare");
}

TEST(Judge, counts_what_a_rate_costs_at_the_batch_size_at_which_it_is_carried) {
  Goal wanted = goal();
  wanted.rate = 100;
  // The largest batches are the cheapest, but so few rows never fill them.
  const auto ranked = judge({measured(kOne, 1, 110, 1, 90), measured(kOne, 2, 200, 2, 60),
                             measured(kOne, 64, 900, 50, 10), measured(kOther, 1, 300, 3, 50)},
                            wanted);
  EXPECT_EQ(ranked[0].measured.candidate, (Candidate{kOther, 1}));
  EXPECT_EQ(ranked[1].measured.candidate, (Candidate{kOne, 2}));
  EXPECT_EQ(ranked[2].measured.candidate, (Candidate{kOne, 64}));
  EXPECT_EQ(ranked[2].working_size, 2);
  EXPECT_NEAR(ranked[2].working_cpu_us, 60, 1e-9);
  EXPECT_NEAR(ranked[2].working_ms, 4, 1e-9);
}

TEST(Judge, takes_the_quickest_of_those_that_carry_a_rate_as_cheaply) {
  Goal wanted = goal();
  wanted.rate = 100;
  const auto ranked = judge({measured(kOne, 1, 400, 8, 50), measured(kTwo, 1, 400, 2, 51)}, wanted);
  EXPECT_EQ(ranked[0].measured.candidate.setup, kTwo);
  EXPECT_EQ(ranked[1].reason, "no dearer, but answers within 16 ms and not 4");
}

TEST(Judge, ranks_nothing_where_nothing_was_measured) {
  EXPECT_TRUE(judge({}, goal()).empty());
}

TEST(Goal, is_said_in_words) {
  Goal wanted = goal();
  EXPECT_EQ(describe(wanted), "the most rows a second");
  wanted.latency_ms = 20;
  EXPECT_EQ(describe(wanted), "the most rows a second, full batches within 20 ms with their wait");
  wanted.rate = 500;
  EXPECT_EQ(describe(wanted),
            "500 rows a second for the least processor time, full batches within 20 ms with their "
            "wait");
}

}  // namespace
}  // namespace muster
