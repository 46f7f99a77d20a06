// SPDX-License-Identifier: Apache-2.0
#include "batching/batch_policy.h"

#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart{std::chrono::hours(1)};
constexpr TimePoint at(int ms) {
  return kStart + milliseconds(ms);
}

// Time is 0 when the oldest was accepted, and counts milliseconds.
struct Case {
  const char* name;
  BatchLimits limits;
  std::int64_t rows;
  int now;
  std::optional<int> deadline;  // the earliest
  bool draining;
  std::variant<TakeNow, int> expected;  // or wait until
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

BatchLimits limits(std::int64_t max_rows, int delay, std::vector<std::int64_t> preferred = {},
                   bool merge = true) {
  return {max_rows, merge, std::move(preferred), milliseconds(delay)};
}

class BatchPolicy : public ::testing::TestWithParam<Case> {};

TEST_P(BatchPolicy, decides) {
  const Case& one = GetParam();
  const TimePoint deadline = one.deadline ? at(*one.deadline) : kNoDeadline;
  const BatchDecision decision =
      decide({one.rows, kStart, deadline, one.draining}, at(one.now), one.limits);
  if (const auto* expected = std::get_if<TakeNow>(&one.expected)) {
    const auto* take = std::get_if<TakeNow>(&decision);
    ASSERT_NE(take, nullptr) << "it waits";
    EXPECT_EQ(take->rows, expected->rows);
    EXPECT_EQ(close_reason_name(take->reason), close_reason_name(expected->reason));
  } else {
    const auto* wait = std::get_if<WaitUntil>(&decision);
    ASSERT_NE(wait, nullptr) << "it takes";
    EXPECT_EQ(wait->time, at(std::get<int>(one.expected)));
  }
}

constexpr TakeNow take(std::int64_t rows, CloseReason reason) {
  return {rows, reason};
}

const Case kCases[] = {
    {"takes_what_is_there_without_a_delay",
     limits(8, 0),
     3,
     0,
     {},
     false,
     take(3, CloseReason::kDelay)},
    {"waits_for_more_rows", limits(8, 10), 3, 0, {}, false, 10},
    {"waits_for_the_rest_of_the_delay", limits(8, 10), 3, 9, {}, false, 10},
    {"takes_when_the_delay_is_over", limits(8, 10), 3, 10, {}, false, take(3, CloseReason::kDelay)},
    {"takes_long_after_the_delay", limits(8, 10), 3, 500, {}, false, take(3, CloseReason::kDelay)},
    {"takes_a_full_batch_at_once", limits(8, 10), 8, 0, {}, false, take(8, CloseReason::kFull)},
    {"takes_no_more_than_a_full_batch",
     limits(8, 10),
     30,
     0,
     {},
     false,
     take(8, CloseReason::kFull)},
    {"calls_a_late_full_batch_full", limits(8, 10), 8, 50, {}, false, take(8, CloseReason::kFull)},
    {"takes_single_rows_at_once", limits(1, 10), 1, 0, {}, false, take(1, CloseReason::kFull)},
    {"takes_what_cannot_be_merged_at_once",
     limits(8, 10, {}, false),
     3,
     0,
     {},
     false,
     take(3, CloseReason::kFull)},
    {"takes_a_preferred_size_early",
     limits(8, 10, {2, 4}),
     4,
     0,
     {},
     false,
     take(4, CloseReason::kPreferred)},
    {"takes_the_largest_preferred_size",
     limits(8, 10, {2, 4}),
     7,
     0,
     {},
     false,
     take(4, CloseReason::kPreferred)},
    {"takes_a_smaller_preferred_size",
     limits(8, 10, {2, 4}),
     3,
     0,
     {},
     false,
     take(2, CloseReason::kPreferred)},
    {"waits_below_every_preferred_size", limits(8, 10, {2, 4}), 1, 0, {}, false, 10},
    {"prefers_full_to_preferred",
     limits(8, 10, {2, 8}),
     9,
     0,
     {},
     false,
     take(8, CloseReason::kFull)},
    {"prefers_a_preferred_size_to_the_delay",
     limits(8, 10, {2}),
     3,
     10,
     {},
     false,
     take(2, CloseReason::kPreferred)},
    {"takes_what_would_expire_while_it_waits", limits(8, 10), 3, 0, 5, false,
     take(3, CloseReason::kDeadline)},
    {"takes_what_would_expire_at_the_very_end", limits(8, 10), 3, 0, 10, false,
     take(3, CloseReason::kDeadline)},
    {"waits_where_the_deadline_is_later", limits(8, 10), 3, 0, 11, false, 10},
    {"calls_the_delay_before_the_deadline", limits(8, 10), 3, 10, 10, false,
     take(3, CloseReason::kDelay)},
    {"drains_everything", limits(8, 10), 3, 0, {}, true, take(3, CloseReason::kDrain)},
    {"drains_a_batch_at_a_time", limits(8, 10), 30, 0, {}, true, take(8, CloseReason::kDrain)},
    {"drains_above_preferred_sizes",
     limits(8, 10, {2}),
     3,
     0,
     {},
     true,
     take(3, CloseReason::kDrain)},
};

INSTANTIATE_TEST_SUITE_P(Table, BatchPolicy, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace muster
