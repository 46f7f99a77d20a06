// SPDX-License-Identifier: Apache-2.0
// The queue against its reference in random walks, and in a storm of real threads.
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "batching/batch_queue.h"
#include "batching/testing/queue_walk.h"
#include "batching/testing/requests.h"

namespace muster {
namespace {

TEST(BatchQueueModel, agrees_with_its_reference_in_random_walks) {
  constexpr std::uint32_t kWalks = 1000;
  constexpr std::size_t kSteps = 200;
  for (std::uint32_t seed = 0; seed < kWalks; ++seed) {
    std::mt19937 random(seed);
    testing::QueueWalk walk([&](std::uint32_t bound) { return random() % bound; }, kSteps);
    ASSERT_EQ(walk.run(), "") << "in the walk of seed " << seed;
  }
}

// Real threads do everything at once on the real clock; nothing is compared but the answers.
class Storm {
 public:
  static constexpr std::size_t kCallers = 4;
  static constexpr std::size_t kOffersEach = 1500;

  explicit Storm(const QueueOptions& options)
      : workers_(options.runners),
        queue_(options, steady_clock(), metrics_),
        answers_(kCallers * kOffersEach) {}

  void rage(std::uint32_t seed) {
    std::vector<std::thread> servers;
    for (std::size_t i = 0; i < workers_; ++i)
      servers.emplace_back([this, i] { serve(i); });
    servers.emplace_back([this] { queue_.watch_deadlines(); });
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < kCallers; ++i) {
      callers.emplace_back([this, seed, i] { call(seed, i); });
    }
    std::thread closer([this] {
      while (begun_.load() < kCallers * kOffersEach * 3 / 4)
        std::this_thread::yield();
      queue_.close();
    });
    for (std::thread& caller : callers)
      caller.join();
    closer.join();
    queue_.await_drained();
    for (std::thread& server : servers)
      server.join();
  }

  void check() {
    std::size_t total = 0;
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      ASSERT_EQ(answers_[i].load(), 1) << "answers to request " << i;
      ++total;
    }
    EXPECT_EQ(queue_.waiting(), 0U);
    EXPECT_EQ(metrics_.accepted.value() + metrics_.refused.value(), total);
    EXPECT_EQ(metrics_.accepted.value(),
              served_.load() + metrics_.expired.count() + metrics_.cancelled.count());
  }

 private:
  void serve(std::size_t worker) {
    Batch batch;
    while (true) {
      queue_.take(worker, batch);
      if (batch.requests.empty()) return;
      queue_.finish(batch.runner);
      served_ += batch.requests.size();
      batch.succeeded = true;
      for (PendingRequestPtr& request : batch.requests) {
        answer(std::move(request), InferResponse());
      }
    }
  }

  void call(std::uint32_t seed, std::size_t caller) {
    std::mt19937 random(seed * 1000 + static_cast<std::uint32_t>(caller));
    for (std::size_t i = 0; i < kOffersEach; ++i) {
      const std::size_t number = caller * kOffersEach + i;
      ++begun_;
      PendingRequestPtr request = request_of(number, random);
      if (random() % 4 == 0) {
        if (const auto claim = queue_.claim_for(*request)) {
          ++served_;
          queue_.finish(claim->runner, request.get());
          answer(std::move(request), InferResponse());
          continue;
        }
      }
      queue_.offer(std::move(request));
      if (random() % 8 == 0) queue_.cancel(number + 1 - random() % (i + 1));
    }
  }

  PendingRequestPtr request_of(std::size_t number, std::mt19937& random) {
    auto request = std::make_unique<PendingRequest>();
    request->rows = 1 + random() % 4;
    request->row_key = 1 + random() % 2;
    request->request.ticket = number + 1;
    request->request.priority = random() % 4;
    if (random() % 2 == 0) {
      request->request.deadline = steady_clock().now() + std::chrono::microseconds(random() % 1000);
    }
    request->reply = Reply([this, number](const Result<InferResponse>&) { ++answers_[number]; });
    return request;
  }

  const std::size_t workers_;
  BatchingMetrics metrics_;
  BatchQueue queue_;
  std::vector<std::atomic<int>> answers_;
  std::atomic<std::size_t> begun_ = 0;
  std::atomic<std::size_t> served_ = 0;
};

class BatchQueueStorm : public ::testing::TestWithParam<bool> {};

QueueOptions storm_options(bool thread_bound) {
  QueueOptions options;
  options.limits.max_rows = 8;
  options.levels.resize(3);
  for (QueueLevel& level : options.levels)
    level.max_requests = 32;
  options.levels[1] = {32, std::chrono::microseconds(500), true};
  options.runners = 3;
  options.runners_are_thread_bound = thread_bound;
  return options;
}

TEST_P(BatchQueueStorm, answers_everything_exactly_once) {
  for (const std::int64_t delay_us : {0, 100, 1000}) {
    QueueOptions options = storm_options(GetParam());
    options.limits.max_queue_delay = std::chrono::microseconds(delay_us);
    Storm storm(options);
    storm.rage(static_cast<std::uint32_t>(delay_us));
    storm.check();
  }
}

TEST_P(BatchQueueStorm, answers_everything_exactly_once_within_a_latency_target) {
  for (const std::int64_t target_us : {200, 5000}) {
    QueueOptions options = storm_options(GetParam());
    options.limits.latency_target = std::chrono::microseconds(target_us);
    Storm storm(options);
    storm.rage(static_cast<std::uint32_t>(target_us));
    storm.check();
  }
}

INSTANTIATE_TEST_SUITE_P(runners, BatchQueueStorm, ::testing::Bool(),
                         [](const auto& bound) { return bound.param ? "bound" : "free"; });

}  // namespace
}  // namespace muster
