// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/engine/budget_allocator.h"

#include <gtest/gtest.h>

#include "backends/tensorrt/testing/scripted_device.h"

namespace muster::tensorrt {
namespace {

class BudgetAllocatorTest : public ::testing::Test {
 protected:
  void* take(BudgetAllocator& allocator, std::uint64_t size, std::uint64_t alignment = 0) {
    return allocator.allocateAsync(size, alignment, 0, nullptr);
  }

  FakeClock clock_;
  testing::ScriptedDevice device_{clock_};
};

TEST_F(BudgetAllocatorTest, counts_what_is_taken_and_given_back) {
  BudgetAllocator allocator(device_);
  void* const first = take(allocator, 1000);
  void* const second = take(allocator, 24, 8);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(allocator.bytes(), 1024U);
  EXPECT_TRUE(allocator.deallocateAsync(first, nullptr));
  EXPECT_EQ(allocator.bytes(), 24U);
  EXPECT_TRUE(allocator.deallocateAsync(second, nullptr));
  EXPECT_EQ(allocator.bytes(), 0U);
  EXPECT_EQ(device_.live(), 0U);
}

TEST_F(BudgetAllocatorTest, gives_nothing_beyond_its_budget) {
  BudgetAllocator allocator(device_, 1000);
  void* const some = take(allocator, 600);
  ASSERT_NE(some, nullptr);
  EXPECT_EQ(take(allocator, 401), nullptr);
  EXPECT_EQ(allocator.bytes(), 600U);
  EXPECT_NE(take(allocator, 400), nullptr);
  EXPECT_EQ(take(allocator, std::numeric_limits<std::uint64_t>::max()), nullptr);
}

TEST_F(BudgetAllocatorTest, gives_nothing_where_the_device_has_nothing) {
  BudgetAllocator allocator(device_);
  device_.fail(testing::Call::kAllocate, resource_exhausted("no memory"));
  EXPECT_EQ(take(allocator, 600), nullptr);
  EXPECT_EQ(allocator.bytes(), 0U);
  EXPECT_NE(take(allocator, 600), nullptr);
}

TEST_F(BudgetAllocatorTest, answers_odd_questions_as_tensorrt_expects) {
  BudgetAllocator allocator(device_);
  EXPECT_EQ(take(allocator, 0), nullptr);
  EXPECT_EQ(take(allocator, 64, std::uint64_t{1} << 46), nullptr);
  EXPECT_TRUE(allocator.deallocateAsync(nullptr, nullptr));
  int foreign = 0;
  EXPECT_FALSE(allocator.deallocateAsync(&foreign, nullptr));
}

TEST_F(BudgetAllocatorTest, frees_at_its_end_what_nobody_gave_back) {
  {
    BudgetAllocator allocator(device_);
    ASSERT_NE(take(allocator, 600), nullptr);
  }
  EXPECT_EQ(device_.live(), 0U);
}

}  // namespace
}  // namespace muster::tensorrt
