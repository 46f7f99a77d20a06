// SPDX-License-Identifier: Apache-2.0
#include "batching/target/target_policy.h"

#include <chrono>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr TimePoint kNow{std::chrono::hours(1)};
constexpr int kTarget = 100;  // milliseconds

// A batch takes 10 ms and one more for each row; nobody is more cautious than that.
CostCurve ten_and_one_a_row(std::int64_t max_rows) {
  std::vector<CostKnot> knots;
  const CostCurve sizes(max_rows);
  for (const CostKnot& knot : sizes.knots())
    knots.push_back({knot.rows, milliseconds(10 + knot.rows), milliseconds(10 + knot.rows), 1});
  return CostCurve(knots);
}

// One row that is to be answered in so many milliseconds, several times.
struct Waiting {
  int left;
  std::int64_t rows = 1;
  int times = 1;
};

struct Case {
  const char* name;
  std::vector<Waiting> line;
  double rows_per_second = 0;
  std::int64_t max_rows = 32;
  std::size_t runners = 1;
  bool merge = true;
  bool draining = false;
  std::string expected;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

std::string as_text(const BatchDecision& decision) {
  if (const auto* take = std::get_if<TakeNow>(&decision)) {
    return "take " + std::to_string(take->rows) + " " +
           std::string(close_reason_name(take->reason)) + " " +
           std::string(target_choice_name(take->choice));
  }
  if (const auto* drop = std::get_if<DropNow>(&decision))
    return "drop " + std::to_string(drop->requests);
  const auto length = std::get<WaitUntil>(decision).time - kNow;
  return "wait " + std::to_string(std::chrono::duration_cast<milliseconds>(length).count());
}

std::vector<LineMember> members_of(const std::vector<Waiting>& line) {
  std::vector<LineMember> members;
  for (const Waiting& waiting : line) {
    for (int i = 0; i < waiting.times; ++i)
      members.push_back({kNow + milliseconds(waiting.left), waiting.rows});
  }
  return members;
}

BatchLimits limits(std::int64_t max_rows, int target_ms, bool merge = true) {
  BatchLimits limits;
  limits.max_rows = max_rows;
  limits.merge = merge;
  limits.latency_target = milliseconds(target_ms);
  return limits;
}

class TargetPolicy : public ::testing::TestWithParam<Case> {};

TEST_P(TargetPolicy, decides) {
  const Case& one = GetParam();
  const std::vector<LineMember> members = members_of(one.line);
  const CostCurve cost = ten_and_one_a_row(one.max_rows);
  const BatchDecision decision = decide_for_target({members, false, 0, one.draining}, kNow,
                                                   limits(one.max_rows, kTarget, one.merge),
                                                   {cost, one.rows_per_second, one.runners});
  EXPECT_EQ(as_text(decision), one.expected);
}

const Case kCases[] = {
    {.name = "takes_one_at_once_where_little_comes",
     .line = {{kTarget}},
     .rows_per_second = 10,
     .expected = "take 1 delay at_once"},
    {.name = "takes_all_that_waits",
     .line = {{50, 1, 7}},
     .rows_per_second = 10,
     .expected = "take 7 delay at_once"},
    {.name = "takes_a_full_batch", .line = {{90, 1, 40}}, .expected = "take 32 full full"},
    {.name = "runs_alone_what_cannot_be_merged",
     .line = {{90, 1, 40}},
     .merge = false,
     .expected = "take 1 full full"},
    {.name = "does_not_wait_with_one_session_while_those_that_come_meanwhile_will_be_in_time",
     .line = {{kTarget}},
     .rows_per_second = 600,
     .expected = "take 1 delay at_once"},
    {.name = "waits_with_one_session_where_those_that_come_meanwhile_could_not_be_in_time",
     .line = {{kTarget, 1, 40}},
     .rows_per_second = 840,
     .max_rows = 64,
     .expected = "wait 21"},  // 64 rows take 74 ms, and 5 are for late timers
    {.name = "goes_where_one_more_could_not_be_in_time",
     .line = {{79, 1, 40}},
     .rows_per_second = 840,
     .max_rows = 64,
     .expected = "take 40 deadline waited"},
    {.name = "waits_with_several_sessions_for_the_rows_that_they_need_to_keep_up",
     .line = {{kTarget}},
     .rows_per_second = 600,
     .runners = 2,
     .expected = "wait 8"},  // 6 rows at a time, in 16 ms, are enough
    {.name = "waits_with_several_sessions_no_longer_than_until_the_next_is_free",
     .line = {{92}},
     .rows_per_second = 600,
     .runners = 2,
     .expected = "take 1 delay waited"},
    {.name = "waits_with_several_sessions_only_while_one_more_would_be_in_time",
     .line = {{20}},
     .rows_per_second = 600,
     .runners = 2,
     .expected = "take 1 deadline waited"},
    {.name = "goes_with_several_sessions_when_they_keep_up",
     .line = {{kTarget, 1, 8}},
     .rows_per_second = 600,
     .runners = 2,
     .expected = "take 8 delay at_once"},
    {.name = "drops_the_first_that_keeps_those_behind_it_from_a_whole_batch",
     .line = {{30, 1, 3}, {60, 1, 40}},
     .rows_per_second = 2000,
     .expected = "drop 3"},
    {.name = "drops_what_cannot_be_in_time_even_alone",
     .line = {{5, 1, 2}, {60, 1, 3}},
     .expected = "drop 2"},
    {.name = "splits_where_the_others_can_still_be_run_afterwards_and_little_comes",
     .line = {{12}, {60, 1, 5}},
     .rows_per_second = 10,
     .expected = "take 2 deadline split"},
    {.name = "does_not_split_where_more_comes_meanwhile_than_is_saved",
     .line = {{12}, {60, 1, 5}},
     .rows_per_second = 500,
     .expected = "drop 1"},
    {.name = "drops_what_is_hopeless_before_it_splits",
     .line = {{5}, {12}, {60, 1, 5}},
     .rows_per_second = 10,
     .expected = "drop 1"},
    {.name = "tries_the_last_without_hope", .line = {{5}}, .expected = "take 1 deadline hopeless"},
    {.name = "drops_all_but_the_last_without_hope", .line = {{3}, {4}, {5}}, .expected = "drop 2"},
    {.name = "counts_rows_not_requests",
     .line = {{29, 10}, {60, 10}},
     .rows_per_second = 2000,
     .expected = "drop 1"},
    {.name = "takes_a_large_request_whole",
     .line = {{60, 30}, {60, 30}},
     .expected = "take 32 full full"},
    {.name = "drains_without_a_look_at_targets",
     .line = {{3, 1, 40}},
     .draining = true,
     .expected = "take 32 drain none"},
};

INSTANTIATE_TEST_SUITE_P(Table, TargetPolicy, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

// What a batch takes varies: up to half as long again is to be reckoned with.
CostCurve with_doubt(std::int64_t max_rows) {
  const CostCurve sure = ten_and_one_a_row(max_rows);
  std::vector<CostKnot> knots(sure.knots().begin(), sure.knots().end());
  for (CostKnot& knot : knots)
    knot.cautious += knot.typical / 2;
  return CostCurve(knots);
}

class TargetPolicyInDoubt : public ::testing::TestWithParam<Case> {};

TEST_P(TargetPolicyInDoubt, decides) {
  const Case& one = GetParam();
  const std::vector<LineMember> members = members_of(one.line);
  const CostCurve cost = with_doubt(one.max_rows);
  const BatchDecision decision =
      decide_for_target({members}, kNow, limits(one.max_rows, kTarget, one.merge),
                        {cost, one.rows_per_second, one.runners});
  EXPECT_EQ(as_text(decision), one.expected);
}

// A full batch of 32 rows takes 42 ms, or 63: the most that can be run is 762 rows a second.
const Case kCasesInDoubt[] = {
    {.name = "keeps_the_first_where_all_find_room_and_it_is_likely_in_time",
     .line = {{16}, {60, 1, 4}},
     .rows_per_second = 600,
     .expected = "take 5 delay at_once"},
    {.name = "drops_the_first_where_it_is_likely_late",
     .line = {{14}, {60, 1, 4}},
     .rows_per_second = 600,
     .expected = "drop 1"},
    {.name = "is_more_careful_where_more_comes_than_can_be_run",
     .line = {{16}, {60, 1, 4}},
     .rows_per_second = 900,  // so that 20.6 ms must be left
     .expected = "drop 1"},
    {.name = "keeps_the_first_in_a_full_batch_where_the_next_one_will_be_in_time",
     .line = {{43}, {50, 1, 31}, {84, 1, 8}},
     .rows_per_second = 600,
     .expected = "take 32 full full"},
    {.name = "drops_the_first_of_a_full_batch_where_others_need_its_place",
     .line = {{43}, {70, 1, 31}, {83, 1, 8}},
     .rows_per_second = 600,
     .expected = "drop 1"},
    {.name = "counts_on_the_next_session_to_be_free_sooner_where_there_are_several",
     .line = {{43}, {70, 1, 31}, {83, 1, 8}},
     .rows_per_second = 600,
     .runners = 2,
     .expected = "take 32 full full"},
    {.name = "takes_no_chances_where_requests_are_run_one_by_one",
     .line = {{16}, {60, 1, 4}},
     .rows_per_second = 50,
     .merge = false,
     .expected = "drop 1"},
};

INSTANTIATE_TEST_SUITE_P(Table, TargetPolicyInDoubt, ::testing::ValuesIn(kCasesInDoubt),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(TargetPolicy, takes_all_that_waits_while_nothing_is_known) {
  const std::vector<LineMember> members = members_of({{3, 1, 5}});
  const CostCurve cost(32);
  EXPECT_EQ(as_text(decide_for_target({members}, kNow, limits(32, kTarget), {cost, 1e6, 1})),
            "take 5 delay learning");
}

TEST(TargetPolicy, counts_lower_ranks_among_those_that_wait) {
  const std::vector<LineMember> members = members_of({{kTarget}});
  const CostCurve cost = ten_and_one_a_row(32);
  EXPECT_EQ(
      as_text(decide_for_target({members, false, 7}, kNow, limits(32, kTarget), {cost, 600, 2})),
      "take 1 delay at_once");
}

TEST(TargetPolicy, drops_step_by_step_where_more_wait_than_it_is_shown) {
  const std::vector<LineMember> members = members_of({{5, 1, 64}});
  const CostCurve cost = ten_and_one_a_row(16);
  EXPECT_EQ(as_text(decide_for_target({members, true}, kNow, limits(16, kTarget), {cost, 600, 1})),
            "drop 49");
}

TEST(BestRows, are_those_that_run_the_most_rows_a_second_within_the_target) {
  EXPECT_EQ(best_rows(ten_and_one_a_row(64), limits(64, 100)), 64);
  EXPECT_EQ(best_rows(ten_and_one_a_row(64), limits(64, 40)), 28);  // 0.97 of it is 38.8 ms
  EXPECT_EQ(best_rows(ten_and_one_a_row(64), limits(64, 5)), 1);
  EXPECT_EQ(best_rows(CostCurve(64), limits(64, 5)), 0);
}

TEST(BestRows, keep_off_a_step_that_does_not_pay) {
  std::vector<CostKnot> knots;
  const CostCurve sizes(64);
  for (const CostKnot& knot : sizes.knots()) {
    const auto cost = milliseconds(knot.rows <= 16 ? 10 : 100);
    knots.push_back({knot.rows, cost, cost, 1});
  }
  EXPECT_EQ(best_rows(CostCurve(knots), limits(64, 1000)), 16);
}

TEST(NeededRows, grow_with_what_comes) {
  const CostCurve cost = ten_and_one_a_row(64);
  const auto needed = [&](double per_second, std::size_t runners) {
    return needed_rows({cost, per_second, runners}, limits(64, 100));
  };
  EXPECT_EQ(needed(0, 1), 1);
  EXPECT_EQ(needed(70, 1), 1);   // one row takes 11 ms
  EXPECT_EQ(needed(300, 1), 6);  // 6 take 16
  EXPECT_EQ(needed(300, 2), 3);
  EXPECT_EQ(needed(5000, 1), 64);
}

}  // namespace
}  // namespace muster
