// SPDX-License-Identifier: Apache-2.0
#include "inference/answer_burst.h"

#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

struct CountingSleeper final : AnswerBurst::Sleeper {
  void wake_up() noexcept override { ++woken; }
  int woken = 0;
};

TEST(AnswerBurst, wakes_each_once_at_its_end) {
  const auto a = std::make_shared<CountingSleeper>();
  const auto b = std::make_shared<CountingSleeper>();
  {
    const AnswerBurst burst;
    for (const auto& sleeper : {a, b, a})
      AnswerBurst::wake_at_end(sleeper);
    EXPECT_EQ(a->woken + b->woken, 0);
  }
  EXPECT_EQ(a->woken, 1);
  EXPECT_EQ(b->woken, 1);
}

TEST(AnswerBurst, wakes_at_once_where_the_thread_is_in_none) {
  const auto sleeper = std::make_shared<CountingSleeper>();
  const AnswerBurst burst;
  std::thread([&] { AnswerBurst::wake_at_end(sleeper); }).join();
  EXPECT_EQ(sleeper->woken, 1);
}

TEST(AnswerBurst, wakes_at_once_what_is_beyond_its_room) {
  std::vector<std::shared_ptr<CountingSleeper>> sleepers(20);
  int woken = 0;
  {
    const AnswerBurst burst;
    for (auto& sleeper : sleepers) {
      sleeper = std::make_shared<CountingSleeper>();
      AnswerBurst::wake_at_end(sleeper);
      woken += sleeper->woken;
    }
    EXPECT_GT(woken, 0);
  }
  for (const auto& sleeper : sleepers)
    EXPECT_EQ(sleeper->woken, 1);
}

TEST(AnswerBurst, holds_a_sleeper_until_it_is_woken_and_goes_back_to_the_outer_one) {
  const auto sleeper = std::make_shared<CountingSleeper>();
  const AnswerBurst outer;
  {
    const AnswerBurst inner;
    AnswerBurst::wake_at_end(sleeper);
    EXPECT_EQ(sleeper.use_count(), 2);
  }
  EXPECT_EQ(sleeper->woken, 1);
  EXPECT_EQ(sleeper.use_count(), 1);
  AnswerBurst::wake_at_end(sleeper);
  EXPECT_EQ(sleeper->woken, 1);
}

}  // namespace
}  // namespace muster
