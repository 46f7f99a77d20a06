// SPDX-License-Identifier: Apache-2.0
#include "inference/thread_budget.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

void expect_share(const ThreadShare& share, int per_run, bool pooled) {
  EXPECT_EQ(share.per_run, per_run);
  EXPECT_EQ(share.pooled, pooled);
}

TEST(ThreadBudget, gives_a_lone_session_all_of_it_from_the_pool) {
  expect_share(share_threads(8, 1, std::nullopt), 8, true);
  expect_share(share_threads(2, 1, std::nullopt), 2, true);
}

TEST(ThreadBudget, is_divided_by_the_sessions_that_run_side_by_side) {
  expect_share(share_threads(8, 2, std::nullopt), 4, true);
  expect_share(share_threads(8, 3, std::nullopt), 2, true);
  expect_share(share_threads(8, 5, std::nullopt), 1, false);
}

TEST(ThreadBudget, needs_no_pool_where_a_share_is_one_thread) {
  expect_share(share_threads(1, 1, std::nullopt), 1, false);
  expect_share(share_threads(8, 8, std::nullopt), 1, false);
  expect_share(share_threads(8, 100, std::nullopt), 1, false);
  EXPECT_EQ(pool_threads(1), 0);
}

TEST(ThreadBudget, honours_what_somebody_said_with_threads_of_the_model_s_own) {
  expect_share(share_threads(2, 1, 16), 16, false);
  expect_share(share_threads(8, 2, 8), 8, false);
  expect_share(share_threads(8, 1, 1), 1, false);
}

TEST(ThreadBudget, is_never_less_than_one) {
  expect_share(share_threads(0, 0, std::nullopt), 1, false);
  expect_share(share_threads(-3, 1, 0), 1, false);
  EXPECT_EQ(pool_threads(0), 0);
  EXPECT_EQ(pool_threads(16), 15);
}

// The rule of the budget: by default the threads that can run at once are those of the sessions
// that are busy and one pool, whatever number of models is loaded.
TEST(ThreadBudget, does_not_grow_with_the_models_that_are_loaded) {
  for (const int budget : {1, 2, 3, 8, 64}) {
    for (const int models : {1, 2, 8, 100}) {
      int own = 0;
      for (int i = 0; i < models; ++i) {
        const ThreadShare share = share_threads(budget, 1, std::nullopt);
        if (!share.pooled) own += share.per_run - 1;
        EXPECT_LE(share.per_run, budget);
      }
      EXPECT_EQ(own, 0) << budget << ' ' << models;
      EXPECT_EQ(pool_threads(budget), budget - 1);
    }
  }
}

TEST(ThreadBudget, is_exceeded_by_a_model_with_more_sessions_than_it_has) {
  EXPECT_EQ(oversubscription(2, 2, {1, 0}), "");
  EXPECT_EQ(oversubscription(2, 3, {1, 0}),
            "3 instances with runs of up to 1 thread can keep 3 threads busy, and the thread "
            "budget of this process is 2: they will take turns; ask for less, or give the process "
            "more (--threads)");
}

TEST(ThreadBudget, is_exceeded_by_threads_of_a_model_s_own_and_not_by_the_shared_pool) {
  EXPECT_EQ(oversubscription(4, 1, {4, 0}), "");
  EXPECT_EQ(oversubscription(4, 1, {4, 3}), "");
  EXPECT_EQ(oversubscription(4, 2, {2, 0}), "");
  EXPECT_NE(
      oversubscription(4, 1, {5, 4}).find("1 instance with runs of up to 5 threads can keep 5"),
      std::string::npos);
  EXPECT_NE(oversubscription(4, 2, {4, 3}), "");
}

TEST(ThreadBudget, is_not_touched_by_models_that_compute_elsewhere) {
  EXPECT_EQ(oversubscription(1, 64, {0, 0}), "");
}

TEST(ThreadBudget, has_a_thread_a_cpu_decode_pictures_unless_told) {
  EXPECT_EQ(divide_threads(6, {}).pictures, 6U);
  EXPECT_EQ(divide_threads(0, {}).pictures, 1U);
  const ServerThreads divided = divide_threads(6, {2, 3, 5, 7});
  EXPECT_EQ(divided.http, 2U);
  EXPECT_EQ(divided.grpc, 3U);
  EXPECT_EQ(divided.loaders, 5U);
  EXPECT_EQ(divided.pictures, 7U);
}

TEST(ThreadBudget, has_a_transport_thread_for_each_eight_cpus_unless_told) {
  EXPECT_EQ(transport_threads(-1), 1U);
  EXPECT_EQ(transport_threads(1), 1U);
  EXPECT_EQ(transport_threads(15), 1U);
  EXPECT_EQ(transport_threads(16), 2U);
  EXPECT_EQ(transport_threads(1024), 8U);
  EXPECT_EQ(divide_threads(16, {}).http, 2U);
  EXPECT_EQ(divide_threads(16, {}).grpc, 2U);
  EXPECT_EQ(divide_threads(16, {1, 0, 0, 0}).http, 1U);
}

}  // namespace
}  // namespace muster
