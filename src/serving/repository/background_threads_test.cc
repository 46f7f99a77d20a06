// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/background_threads.h"

#include <future>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
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
