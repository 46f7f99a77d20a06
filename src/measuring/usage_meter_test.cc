// SPDX-License-Identifier: Apache-2.0
#include "measuring/usage_meter.h"

#include <cstring>
#include <memory>

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace muster {
namespace {

constexpr std::size_t kGibibyte = std::size_t{1} << 30;

bool can_take(std::size_t bytes) {
  void* const taken =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (taken == MAP_FAILED) return false;
  ::munmap(taken, bytes);
  return true;
}

TEST(UsageMeter, counts_processor_time_that_is_spent) {
  UsageMeter& usage = process_usage();
  const auto before = usage.cpu_time();
  while (usage.cpu_time() == before) {
  }
  EXPECT_GT(usage.cpu_time(), before);
}

TEST(UsageMeter, sees_memory_that_is_written_to) {
  constexpr std::size_t kSize = std::size_t{64} << 20;
  const std::uint64_t before = process_usage().resident_bytes();
  EXPECT_GT(before, 0U);
  const auto memory = std::make_unique<char[]>(kSize);
  std::memset(memory.get(), 1, kSize);
  EXPECT_GE(process_usage().resident_bytes(), before + kSize / 2);
  EXPECT_GT(process_usage().available_bytes(), 0U);
}

TEST(MemoryBound, refuses_more_and_nothing_after_its_end) {
  ASSERT_TRUE(can_take(kGibibyte));
  {
    const MemoryBound bound(kGibibyte / 4);
    EXPECT_FALSE(can_take(kGibibyte));
    EXPECT_TRUE(can_take(kGibibyte / 64));
  }
  EXPECT_TRUE(can_take(kGibibyte));
}

}  // namespace
}  // namespace muster
