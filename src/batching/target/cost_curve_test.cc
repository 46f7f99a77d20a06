// SPDX-License-Identifier: Apache-2.0
#include "batching/target/cost_curve.h"

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

constexpr microseconds affine(std::int64_t rows) {
  return microseconds(1000 + 100 * rows);
}

double ratio(nanoseconds a, nanoseconds b) {
  return static_cast<double>(a.count()) / static_cast<double>(b.count());
}

std::vector<std::int64_t> knots_up_to(std::int64_t most) {
  std::vector<std::int64_t> rows;
  const CostCurve curve(most);
  for (const CostKnot& knot : curve.knots())
    rows.push_back(knot.rows);
  return rows;
}

void expect_rises(const CostCurve& curve) {
  for (std::int64_t rows = 1; rows < curve.max_rows(); ++rows) {
    ASSERT_LE(curve.typical(rows), curve.typical(rows + 1)) << rows;
    ASSERT_LE(curve.cautious(rows), curve.cautious(rows + 1)) << rows;
    ASSERT_LE(curve.typical(rows), curve.cautious(rows)) << rows;
  }
}

TEST(CostCurve, has_two_knots_for_each_doubling_up_to_the_largest_batch) {
  EXPECT_EQ(knots_up_to(1), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(knots_up_to(2), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(knots_up_to(20), (std::vector<std::int64_t>{1, 2, 3, 4, 6, 8, 12, 16, 20}));
  EXPECT_EQ(knots_up_to(65536).size(), kMaxCostKnots);
  EXPECT_EQ(knots_up_to(65536).back(), 65536);
}

TEST(CostCurve, is_0_until_something_is_known) {
  const CostCurve curve(8);
  EXPECT_FALSE(curve.known());
  EXPECT_EQ(curve.typical(8), nanoseconds(0));
  EXPECT_EQ(curve.rows_within(nanoseconds(0), 8), 8);
}

TEST(CostLearner, goes_straight_between_first_guesses_and_on_behind_them) {
  CostLearner learner(64);
  for (const std::int64_t rows : {1, 4, 16})
    learner.guess(rows, affine(rows));
  EXPECT_EQ(learner.curve().typical(1), affine(1));
  EXPECT_EQ(learner.curve().typical(10), affine(10));
  EXPECT_EQ(learner.curve().typical(64), affine(64));
  expect_rises(learner.curve());
}

TEST(CostLearner, takes_half_of_the_only_size_known_for_that_of_each_row) {
  CostLearner learner(64);
  learner.learn(2, microseconds(100));
  EXPECT_EQ(learner.curve().typical(1), microseconds(100));
  EXPECT_EQ(learner.curve().typical(4), microseconds(150));
}

TEST(CostLearner, learns_sizes_between_knots) {
  CostLearner learner(64);
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto rows = static_cast<std::int64_t>(1 + random() % 64);
    learner.learn(rows, affine(rows));
  }
  for (const std::int64_t rows : {1, 5, 23, 40, 64})
    EXPECT_NEAR(ratio(learner.curve().typical(rows), affine(rows)), 1, 0.03) << rows;
  expect_rises(learner.curve());
}

TEST(CostLearner, replaces_a_first_guess_within_few_batches) {
  CostLearner learner(8);
  for (const std::int64_t rows : {1, 2, 4, 8})
    learner.guess(rows, 5 * affine(rows));
  for (int i = 0; i < 12; ++i)
    learner.learn(8, affine(8));
  EXPECT_NEAR(ratio(learner.curve().typical(8), affine(8)), 1, 0.5);
  for (int i = 0; i < 50; ++i)
    learner.learn(8, affine(8));
  EXPECT_NEAR(ratio(learner.curve().typical(8), affine(8)), 1, 0.1);
  EXPECT_LE(learner.curve().typical(1), learner.curve().typical(8));
}

TEST(CostLearner, is_not_thrown_off_by_an_outlier) {
  CostLearner learner(8);
  for (int i = 0; i < 100; ++i)
    learner.learn(8, affine(8));
  learner.learn(8, std::chrono::seconds(10));
  EXPECT_NEAR(ratio(learner.curve().typical(8), affine(8)), 1, 0.06);
  EXPECT_LT(ratio(learner.curve().cautious(8), affine(8)), 1.3);
}

TEST(CostLearner, follows_a_machine_that_has_become_slower_and_recovers) {
  CostLearner learner(8);
  for (int i = 0; i < 100; ++i)
    learner.learn(8, affine(8));
  for (int i = 0; i < 100; ++i)
    learner.learn(8, 3 * affine(8));
  EXPECT_NEAR(ratio(learner.curve().typical(8), affine(8)), 3, 0.1);
  for (int i = 0; i < 150; ++i)
    learner.learn(8, affine(8));
  EXPECT_NEAR(ratio(learner.curve().typical(8), affine(8)), 1, 0.1);
}

TEST(CostLearner, is_cautious_as_one_batch_in_a_hundred_teaches) {
  CostLearner learner(8);
  std::mt19937 random(2);
  std::exponential_distribution<double> extra(1 / 0.1);
  for (int i = 0; i < 3000; ++i) {
    const double factor = 1 + extra(random);
    learner.learn(8, std::chrono::duration_cast<nanoseconds>(affine(8) * factor));
  }
  // Of 1 + Exp(0.1) the mean is 1.1, and one in a hundred is above 1.46.
  EXPECT_NEAR(ratio(learner.curve().typical(8), affine(8)), 1.1, 0.05);
  EXPECT_NEAR(ratio(learner.curve().cautious(8), affine(8)), 1.46, 0.15);
}

TEST(CostLearner, believes_what_was_measured_last_where_costs_would_fall) {
  CostLearner learner(8);
  learner.guess(2, microseconds(500));
  learner.guess(4, microseconds(400));
  expect_rises(learner.curve());
  EXPECT_EQ(learner.curve().typical(2), microseconds(400));
}

// So that a guess that is far too high does not keep a size from ever being tried.
TEST(CostLearner, takes_no_larger_size_for_more_than_its_rows_would_cost_in_smaller_batches) {
  CostLearner learner(8);
  learner.guess(8, std::chrono::seconds(1));
  for (int i = 0; i < 3; ++i)
    learner.learn(4, microseconds(400));
  EXPECT_LE(learner.curve().typical(8), microseconds(900));
}

TEST(CostLearner, bears_odd_lengths_and_sizes) {
  CostLearner learner(4);
  learner.guess(0, microseconds(1));
  learner.guess(9, microseconds(1));
  learner.guess(2, nanoseconds(-5));
  EXPECT_FALSE(learner.curve().known());
  learner.learn(100, nanoseconds(-1));
  learner.learn(0, nanoseconds(0));
  learner.learn(4, std::chrono::hours(24 * 365));
  EXPECT_TRUE(learner.curve().known());
  expect_rises(learner.curve());
}

TEST(CostCurve, tells_how_many_rows_can_be_run_within_a_time) {
  CostLearner learner(64);
  for (const std::int64_t rows : {1, 2, 4, 8, 16, 32, 64})
    learner.guess(rows, affine(rows));
  const CostCurve& curve = learner.curve();
  EXPECT_EQ(curve.rows_within(nanoseconds(0), 64), 0);
  EXPECT_EQ(curve.rows_within(std::chrono::hours(1), 64), 64);
  EXPECT_EQ(curve.rows_within(std::chrono::hours(1), 10), 10);
  for (const int ms : {2, 3, 5, 7}) {
    const std::int64_t rows = curve.rows_within(std::chrono::milliseconds(ms), 64);
    EXPECT_LE(curve.cautious(rows), std::chrono::milliseconds(ms));
    EXPECT_GT(curve.cautious(rows + 1), std::chrono::milliseconds(ms));
  }
}

TEST(CostCurve, can_be_made_of_its_knots_again) {
  CostLearner learner(64);
  for (const std::int64_t rows : {1, 8, 64})
    learner.guess(rows, affine(rows));
  const CostCurve again(learner.curve().knots());
  EXPECT_EQ(again.known(), true);
  EXPECT_EQ(again.typical(30), learner.curve().typical(30));
  EXPECT_EQ(again.cautious(64), learner.curve().cautious(64));
}

}  // namespace
}  // namespace muster
