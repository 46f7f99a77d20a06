// SPDX-License-Identifier: Apache-2.0
#include "batching/target/delivery_lag.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(DeliveryLagTest, is_nothing_where_nobody_tells) {
  EXPECT_EQ(DeliveryLag().cautious(), nanoseconds(0));
}

TEST(DeliveryLagTest, comes_to_what_is_always_the_same) {
  DeliveryLag lag;
  for (int i = 0; i < 300; ++i)
    lag.record(milliseconds(1));
  EXPECT_GE(lag.cautious(), nanoseconds(990'000));
  EXPECT_LE(lag.cautious(), nanoseconds(1'010'000));
}

TEST(DeliveryLagTest, is_longer_than_nearly_all_of_what_varies) {
  DeliveryLag lag;
  for (int i = 0; i < 300; ++i)
    lag.record(milliseconds(1 + i % 3));
  EXPECT_GE(lag.cautious(), milliseconds(3));
  EXPECT_LE(lag.cautious(), milliseconds(6));
}

TEST(DeliveryLagTest, one_hiccup_does_not_say_much) {
  DeliveryLag lag;
  for (int i = 0; i < 300; ++i)
    lag.record(milliseconds(1));
  lag.record(seconds(10));
  EXPECT_LE(lag.cautious(), milliseconds(2));
  lag.record(seconds(-10));
  EXPECT_GE(lag.cautious(), milliseconds(1));
}

TEST(DeliveryLagTest, leaves_most_of_a_target) {
  EXPECT_EQ(left_of_target(milliseconds(20), milliseconds(1)), milliseconds(19));
  EXPECT_EQ(left_of_target(milliseconds(20), seconds(10)), milliseconds(15));
}

}  // namespace
}  // namespace muster
