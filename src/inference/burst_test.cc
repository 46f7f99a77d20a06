// SPDX-License-Identifier: Apache-2.0
#include "inference/burst.h"

#include <memory>

#include <gtest/gtest.h>

namespace muster {
namespace {

struct Counting final : Burst::Listener {
  bool burst_ended() override {
    ++ends;
    return refuses;
  }
  bool refuses = false;
  int ends = 0;
};

TEST(Burst, tells_each_listener_of_its_end_once) {
  const auto first = std::make_shared<Counting>();
  const auto second = std::make_shared<Counting>();
  Burst burst;
  burst.tell(first);
  burst.tell(second);
  burst.tell(first);
  EXPECT_EQ(first->ends, 0);
  burst.end();
  EXPECT_EQ(first->ends, 1);
  EXPECT_EQ(second->ends, 1);
}

TEST(Burst, begins_anew_after_its_end) {
  const auto listener = std::make_shared<Counting>();
  Burst burst;
  burst.tell(listener);
  burst.end();
  EXPECT_EQ(listener.use_count(), 1);
  burst.end();
  EXPECT_EQ(listener->ends, 1);
  burst.tell(listener);
  burst.end();
  EXPECT_EQ(listener->ends, 2);
}

TEST(Burst, says_whether_any_listener_refused_some_of_it) {
  const auto refusing = std::make_shared<Counting>();
  refusing->refuses = true;
  Burst burst;
  burst.tell(refusing);
  burst.tell(std::make_shared<Counting>());
  EXPECT_TRUE(burst.end());
  EXPECT_FALSE(burst.end());
}

TEST(Burst, keeps_its_listeners_and_ends_when_it_is_destroyed) {
  const auto listener = std::make_shared<Counting>();
  {
    Burst burst;
    burst.tell(listener);
    EXPECT_EQ(listener.use_count(), 2);
  }
  EXPECT_EQ(listener->ends, 1);
}

}  // namespace
}  // namespace muster
