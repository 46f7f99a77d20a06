// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/background_threads.h"

#include <cstdint>
#include <future>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace muster {
namespace {

int niceness() {
  return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
}

int niceness_of_a_job(BackgroundThreads& threads) {
  const auto found = std::make_shared<std::promise<int>>();
  threads.post([found] { found->set_value(niceness()); });
  return found->get_future().get();
}

TEST(BackgroundThreadsTest, are_as_quick_as_all_others_until_told_otherwise) {
  if (niceness() >= 10) GTEST_SKIP() << "this process is as slow as they can become";
  BackgroundThreads threads(1);
  EXPECT_EQ(niceness_of_a_job(threads), niceness());
  threads.lower_priority();
  EXPECT_GT(niceness_of_a_job(threads), niceness());
}

// As sched_getattr(2) tells it; 0 where Linux has no slices of a thread's own.
std::uint64_t slice_of_a_job(BackgroundThreads& threads) {
  const auto found = std::make_shared<std::promise<std::uint64_t>>();
  threads.post([found] {
    struct {
      std::uint32_t size, policy;
      std::uint64_t flags;
      std::int32_t nice;
      std::uint32_t priority;
      std::uint64_t runtime, deadline, period;
    } told{};
    EXPECT_EQ(::syscall(SYS_sched_getattr, 0, &told, sizeof(told), 0U), 0);
    EXPECT_EQ(told.policy, static_cast<std::uint32_t>(SCHED_BATCH));
    found->set_value(told.runtime);
  });
  return found->get_future().get();
}

TEST(BackgroundThreadsTest, of_low_priority_make_way_for_who_wakes_up) {
  BackgroundThreads threads(1);
  threads.lower_priority();
  const std::uint64_t slice = slice_of_a_job(threads);
  if (slice == 0) GTEST_SKIP() << "this Linux has no time slices of a thread's own";
  EXPECT_EQ(slice, static_cast<std::uint64_t>(BackgroundThreads::kLongSlice.count()));
}

TEST(BackgroundThreadsTest, do_what_was_posted_first_before_what_waits) {
  BackgroundThreads threads(1);
  std::promise<void> gate;
  std::vector<int> order;
  threads.post([&] { gate.get_future().wait(); });
  threads.post([&] { order.push_back(2); });
  threads.post_first([&] { order.push_back(1); });
  gate.set_value();
  threads.finish();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace muster
