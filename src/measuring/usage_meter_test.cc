// SPDX-License-Identifier: Apache-2.0
#include "measuring/usage_meter.h"

#include <cstring>
#include <limits>
#include <memory>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

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

// Another process that this one may look at: itself, by its number.
TEST(UsageMeter, looks_at_a_process_by_its_number) {
  const auto usage = usage_of(::getpid());
  ASSERT_TRUE(usage.ok()) << usage.status().to_string();
  const auto before = (*usage)->cpu_time();
  while ((*usage)->cpu_time() == before) {
  }
  EXPECT_GE(process_usage().cpu_time(), (*usage)->cpu_time());
  EXPECT_GT((*usage)->resident_bytes(), 0U);
}

TEST(UsageMeter, counts_context_switches) {
  const std::uint64_t before = process_usage().context_switches();
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_GT(process_usage().context_switches(), before);
}

TEST(UsageMeter, finds_no_process_where_there_is_none) {
  for (const pid_t pid : {0, -1, std::numeric_limits<pid_t>::max()})
    EXPECT_EQ(usage_of(pid).status().code(), StatusCode::kNotFound) << pid;
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
