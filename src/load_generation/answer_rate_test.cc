// SPDX-License-Identifier: Apache-2.0
#include "load_generation/answer_rate.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Times = std::vector<Clock::TimePoint>;

constexpr Clock::TimePoint kStart{std::chrono::hours(1)};

// Batches of eight, the first `after` the start, each a second and a tenth after the one before;
// the answers of one come within a millisecond.
Times batches(int count, Clock::Duration after) {
  Times times;
  for (int batch = 0; batch < count; ++batch) {
    for (int answer = 0; answer < 8; ++answer)
      times.push_back(kStart + after + batch * milliseconds(1100) + answer * microseconds(125));
  }
  return times;
}

double rate(const Times& times, Clock::TimePoint begin, Clock::TimePoint end) {
  return answers_per_second(times, kStart, begin, end);
}

TEST(AnswerRate, is_the_same_wherever_in_a_batch_the_time_begins_and_ends) {
  const Times times = batches(20, milliseconds(600));
  for (auto after = milliseconds(1010); after < milliseconds(2300); after += milliseconds(50)) {
    const Clock::TimePoint begin = kStart + after;
    EXPECT_NEAR(rate(times, begin, begin + seconds(10)), 8 / 1.1, 0.01) << after.count();
    EXPECT_NEAR(rate(times, begin, begin + milliseconds(10700)), 8 / 1.1, 0.01) << after.count();
  }
}

TEST(AnswerRate, counts_from_the_start_where_no_answer_came_before) {
  const Times times = batches(5, milliseconds(1100));
  EXPECT_NEAR(rate(times, kStart + seconds(1), kStart + seconds(4)), 8 / 1.1, 0.01);
}

TEST(AnswerRate, takes_no_notice_of_what_comes_later) {
  Times times = {kStart + seconds(1), kStart + seconds(2), kStart + seconds(3)};
  const double before = rate(times, kStart + seconds(1), kStart + seconds(3));
  EXPECT_DOUBLE_EQ(before, 1);
  for (int i = 1; i < 100; ++i)
    times.push_back(kStart + seconds(3) + milliseconds(i));
  EXPECT_DOUBLE_EQ(rate(times, kStart + seconds(1), kStart + seconds(3)), before);
}

TEST(AnswerRate, is_nothing_where_no_answer_came) {
  EXPECT_EQ(rate({}, kStart, kStart + seconds(1)), 0);
  const Times times = batches(2, milliseconds(100));
  EXPECT_EQ(rate(times, kStart + milliseconds(200), kStart + milliseconds(900)), 0);
  EXPECT_EQ(rate(times, kStart + seconds(5), kStart + seconds(9)), 0);
}

}  // namespace
}  // namespace muster
