// SPDX-License-Identifier: Apache-2.0
#include "batching/batch_queue.h"

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "batching/testing/queue_fixture.h"
#include "batching/testing/requests.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using testing::AnswerBook;
using testing::Numbers;
using testing::request_of;

using testing::BatchQueueTest;

TEST_F(BatchQueueTest, gives_a_batch_of_what_waits) {
  make(options(8));
  offer(1, 2);
  clock_.advance(milliseconds(3));
  offer(2, 3);
  EXPECT_EQ(take(), Numbers({1, 2}));
  EXPECT_EQ(batch_.rows, 5);
  EXPECT_EQ(batch_.reason, CloseReason::kDelay);
  EXPECT_EQ(batch_.taken_at, clock_.now());
  EXPECT_EQ(batch_.runner, 0U);
  EXPECT_EQ(batch_.requests[0]->accepted_at, in(milliseconds(-3)));
  EXPECT_EQ(queue_->waiting(), 0U);
}

TEST_F(BatchQueueTest, does_not_split_a_request) {
  make(options(4));
  offer(1, 3);
  offer(2, 2);
  offer(3, 1);
  EXPECT_EQ(take(), Numbers({1}));  // nor does a later one overtake
  EXPECT_EQ(batch_.reason, CloseReason::kFull);
  queue_->finish(batch_.runner);
  EXPECT_EQ(take(), Numbers({2, 3}));
}

TEST_F(BatchQueueTest, gives_one_request_at_a_time_where_they_must_not_merge) {
  QueueOptions apart = options(8, milliseconds(10));
  apart.limits.merge = false;
  make(apart);
  offer(1);
  offer(2);
  EXPECT_EQ(take(), Numbers({1}));
  queue_->finish(batch_.runner);
  EXPECT_EQ(take(), Numbers({2}));
}

TEST_F(BatchQueueTest, gives_the_nearest_deadline_first) {
  make(options(1));
  offer(1);
  offer(2, 1, in(milliseconds(500)));
  offer(3, 1, in(milliseconds(200)));
  offer(4, 1, in(milliseconds(500)));
  for (const int key : {3, 2, 4, 1}) {
    EXPECT_EQ(take(), Numbers({key}));
    queue_->finish(batch_.runner);
  }
}

TEST_F(BatchQueueTest, treats_a_request_without_deadline_as_due_in_a_second) {
  make(options(1));
  offer(1);
  clock_.advance(milliseconds(600));
  offer(2, 1, in(milliseconds(500)));  // later than the first one's second
  offer(3, 1, in(milliseconds(300)));
  for (const int key : {3, 1, 2}) {
    EXPECT_EQ(take(), Numbers({key}));
    queue_->finish(batch_.runner);
  }
}

TEST_F(BatchQueueTest, treats_a_far_deadline_as_none) {
  make(options(1));
  offer(1, 1, in(std::chrono::hours(1)));
  offer(2);
  EXPECT_EQ(take(), Numbers({1}));
}

TEST_F(BatchQueueTest, keeps_other_row_shapes_apart_even_if_their_keys_collide) {
  make(options(8));
  const auto wide = [&](int key, std::uint64_t row_key) {
    PendingRequestPtr request = pending(key, {});
    request->request.inputs.clear();
    request->request.add_input("x", testing::tensor_of({key, key}, {1, 2}));
    request->rows = 1;
    request->row_key = row_key;
    return request;
  };
  const auto narrow = [&](int key) {
    PendingRequestPtr request = pending(key, {key});
    request->row_key = 5;
    return request;
  };
  queue_->offer(narrow(1));
  queue_->offer(wide(2, 5));
  queue_->offer(wide(3, 6));
  queue_->offer(narrow(4));
  queue_->offer(wide(5, 5));
  EXPECT_EQ(take(), Numbers({1, 4}));
  queue_->finish(batch_.runner);
  EXPECT_EQ(take(), Numbers({2, 5}));
  queue_->finish(batch_.runner);
  EXPECT_EQ(take(), Numbers({3}));
}

TEST_F(BatchQueueTest, tells_that_other_shapes_kept_a_batch_small) {
  make(options(8));
  offer(1);
  PendingRequestPtr wide = pending(2, {2, 2});
  wide->rows = 1;
  wide->row_key = 7;
  queue_->offer(std::move(wide));
  EXPECT_EQ(take(), Numbers({1}));
  EXPECT_EQ(batch_.reason, CloseReason::kShape);
  queue_->finish(batch_.runner);
  EXPECT_EQ(take(), Numbers({2}));
  EXPECT_EQ(batch_.reason, CloseReason::kDelay);
}

TEST(QueueOptionsOf, follow_the_configuration) {
  ModelConfig config;
  config.dynamic_batching = true;
  config.instance_count = 3;
  config.batching.max_batch_size = 8;
  config.batching.default_queue_policy.max_queue_size = 5;
  config.batching.priority_levels = 3;
  config.batching.default_priority_level = 2;
  config.batching.level_policies[3] = {QueuePolicy::TimeoutAction::kDelay, milliseconds(7), 9};
  const QueueOptions queue = queue_options_of(config);
  EXPECT_EQ(queue.limits.max_rows, 8);
  EXPECT_TRUE(queue.limits.merge);
  EXPECT_EQ(queue.runners, 3U);
  EXPECT_EQ(queue.default_level, 1U);
  ASSERT_EQ(queue.levels.size(), 3U);
  EXPECT_EQ(queue.levels[0].max_requests, 5U);
  EXPECT_EQ(queue.levels[1].max_requests, 5U);
  EXPECT_EQ(queue.levels[2].max_requests, 9U);
  EXPECT_EQ(queue.levels[2].timeout, milliseconds(7));
  EXPECT_TRUE(queue.levels[2].delays);
}

TEST(QueueOptionsOf, have_one_level_and_no_merging_where_nothing_is_said) {
  const QueueOptions queue = queue_options_of(ModelConfig());
  EXPECT_EQ(queue.limits.max_rows, 1);
  EXPECT_FALSE(queue.limits.merge);
  ASSERT_EQ(queue.levels.size(), 1U);
  EXPECT_EQ(queue.levels[0].max_requests, 4096U);
  EXPECT_EQ(queue.default_level, 0U);
}

class PriorityLevels : public BatchQueueTest {
 protected:
  static QueueOptions levels(std::vector<QueueLevel> levels, std::size_t default_level = 0) {
    QueueOptions queue = options(8);
    queue.levels = std::move(levels);
    queue.default_level = default_level;
    return queue;
  }
  void offer_with(std::uint64_t priority, int key, TimePoint deadline = kNoDeadline) {
    PendingRequestPtr request = pending(key, {key}, deadline);
    request->request.priority = priority;
    queue_->offer(std::move(request));
  }
};

TEST_F(PriorityLevels, go_one_after_the_other_whatever_the_deadlines) {
  make(levels({{}, {}, {}}));
  offer_with(3, 1, in(milliseconds(1)));
  offer_with(2, 2, in(milliseconds(2)));
  offer_with(1, 3);
  offer_with(2, 4, in(milliseconds(1)));
  offer_with(1, 5, in(milliseconds(9)));
  EXPECT_EQ(take(), Numbers({5, 3, 4, 2, 1}));
}

TEST_F(PriorityLevels, are_the_default_where_a_request_names_none_of_them) {
  make(levels({{}, {}, {}}, 1));
  offer_with(3, 1);
  offer_with(0, 2);
  offer_with(4, 3);
  offer_with(UINT64_MAX, 4);
  offer_with(1, 5);
  EXPECT_EQ(take(), Numbers({5, 2, 3, 4, 1}));
}

TEST_F(PriorityLevels, are_full_each_by_itself) {
  make(levels({{.max_requests = 1}, {.max_requests = 2}}));
  for (const int key : {1, 2})
    offer_with(1, key);
  for (const int key : {3, 4, 5})
    offer_with(2, key);
  EXPECT_EQ(
      message(2),
      "RESOURCE_EXHAUSTED: the queue is full: 1 requests of priority 1 wait (max_queue_size)");
  EXPECT_EQ(
      message(5),
      "RESOURCE_EXHAUSTED: the queue is full: 2 requests of priority 2 wait (max_queue_size)");
  EXPECT_EQ(take(), Numbers({1, 3, 4}));
}

TEST_F(PriorityLevels, give_a_deadline_that_a_request_can_only_shorten) {
  make(levels({{.timeout = milliseconds(5)}}));
  offer_with(1, 1);
  offer_with(1, 2, in(milliseconds(3)));
  offer_with(1, 3, in(milliseconds(9)));
  clock_.advance(milliseconds(3));
  offer_with(1, 4);
  EXPECT_EQ(take(), Numbers({1, 3, 4}));
  EXPECT_EQ(message(2).substr(0, 17), "DEADLINE_EXCEEDED");
  queue_->finish(batch_.runner);
  offer_with(1, 5);
  clock_.advance(milliseconds(5));
  offer_with(1, 6);
  EXPECT_EQ(take(), Numbers({6}));
}

TEST_F(PriorityLevels, send_what_is_late_behind_the_rest_of_the_level) {
  make(levels({{.timeout = milliseconds(5), .delays = true}, {}}));
  offer_with(2, 1);
  offer_with(1, 2);
  offer_with(1, 3);
  offer_with(1, 4, in(milliseconds(5)));  // its own deadline ends it
  clock_.advance(milliseconds(5));
  offer_with(1, 5);
  offer_with(2, 6);
  EXPECT_EQ(take(), Numbers({5, 2, 3, 1, 6}));
  EXPECT_EQ(message(4).substr(0, 17), "DEADLINE_EXCEEDED");
}

TEST_F(BatchQueueTest, accepts_the_parts_of_a_request_all_or_none) {
  QueueOptions small = options(8);
  small.levels[0].max_requests = 3;
  make(small);
  std::vector<PendingRequestPtr> parts;
  for (const int key : {1, 2})
    parts.push_back(pending(key, {key}));
  queue_->offer_all(parts);
  parts.clear();
  for (const int key : {3, 4})
    parts.push_back(pending(key, {key}));
  queue_->offer_all(parts);
  for (const int key : {3, 4})
    EXPECT_EQ(message(key),
              "RESOURCE_EXHAUSTED: the queue is full: 2 requests wait (max_queue_size)");
  EXPECT_EQ(metrics_.refused.value(), 2U);
  EXPECT_EQ(take(), Numbers({1, 2}));
}

TEST_F(BatchQueueTest, cancels_all_that_have_the_ticket) {
  make(options(8));
  for (const int key : {1, 2, 3}) {
    PendingRequestPtr request = pending(key, {key});
    // The last bits of a ticket are those of the others, too.
    request->request.ticket = key == 2 ? 7 : 7 + (RequestTicket{1} << 40);
    queue_->offer(std::move(request));
  }
  EXPECT_TRUE(queue_->cancel(7 + (RequestTicket{1} << 40)));
  EXPECT_EQ(metrics_.cancelled.count(), 2U);
  EXPECT_EQ(message(1).substr(0, 9), "CANCELLED");
  EXPECT_EQ(message(3).substr(0, 9), "CANCELLED");
  EXPECT_EQ(take(), Numbers({2}));
}

TEST_F(BatchQueueTest, refuses_when_full) {
  QueueOptions small = options(8);
  small.levels[0].max_requests = 2;
  make(small);
  offer(1);
  offer(2);
  offer(3);
  EXPECT_EQ(message(3), "RESOURCE_EXHAUSTED: the queue is full: 2 requests wait (max_queue_size)");
  EXPECT_EQ(metrics_.refused.value(), 1U);
  take();
  offer(4);
  EXPECT_EQ(book_.times(4), 0U);
}

TEST_F(BatchQueueTest, the_end_of_a_burst_says_once_that_it_was_full) {
  QueueOptions small = options(8);
  small.levels[0].max_requests = 2;
  make(small);
  const auto offer_later = [this](int first, int last) {
    std::vector<PendingRequestPtr> requests;
    for (int key = first; key <= last; ++key)
      requests.push_back(book_.pending(key, request_of({key})));
    queue_->offer_all(requests, Waking::kLater);
  };
  offer_later(1, 3);  // more than the queue ever takes
  EXPECT_FALSE(queue_->wake_due());
  offer_later(4, 5);
  EXPECT_FALSE(queue_->wake_due());
  offer(6);  // of no burst
  EXPECT_FALSE(queue_->wake_due());
  offer_later(7, 7);
  EXPECT_TRUE(queue_->wake_due());
  EXPECT_FALSE(queue_->wake_due());
}

TEST_F(BatchQueueTest, refuses_when_its_bytes_are_used_up) {
  QueueOptions small = options(8);
  small.max_bytes = 3 * sizeof(std::int64_t);
  make(small);
  offer(1, 2);
  offer(2, 2);
  EXPECT_EQ(message(2), "RESOURCE_EXHAUSTED: the queue is full: 16 bytes wait (max_queue_bytes)");
  offer(3, 1);
  offer(4, 1);
  EXPECT_EQ(book_.times(4), 1U);
  EXPECT_EQ(take(), Numbers({1, 3}));
  offer(5, 4);
  EXPECT_EQ(book_.times(5), 1U);
  offer(6, 3);
  EXPECT_EQ(book_.times(6), 0U);
}

TEST_F(BatchQueueTest, answers_at_once_what_comes_too_late) {
  make(options(8));
  offer(1, 1, clock_.now());
  EXPECT_EQ(message(1), "DEADLINE_EXCEEDED: the deadline came before the request could be run");
  EXPECT_EQ(metrics_.expired.count(), 1U);
  EXPECT_EQ(metrics_.accepted.value(), 1U);
}

TEST_F(BatchQueueTest, refuses_once_it_is_closed_and_hands_out_what_waits) {
  make(options(2, std::chrono::hours(1)));
  for (const int key : {1, 2, 3})
    offer(key);
  queue_->close();
  offer(4);
  EXPECT_EQ(message(4), "UNAVAILABLE: the model is closing and takes no more requests");
  EXPECT_EQ(take(), Numbers({1, 2}));
  EXPECT_EQ(batch_.reason, CloseReason::kDrain);
  queue_->finish(batch_.runner);
  EXPECT_EQ(take(), Numbers({3}));
  queue_->finish(batch_.runner);
  EXPECT_EQ(take(), Numbers());
  queue_->watch_deadlines();
  queue_->await_drained();
  queue_->close();
}

TEST_F(BatchQueueTest, answers_what_still_waits_at_its_end) {
  make(options(8));
  offer(1);
  queue_.reset();
  EXPECT_EQ(message(1), "UNAVAILABLE: the request was dropped before it was run");
}

TEST_F(BatchQueueTest, cancels_what_waits) {
  make(options(8));
  offer(1);
  offer(2);
  offer(3, 1, in(milliseconds(5)));
  EXPECT_TRUE(queue_->cancel(2));
  EXPECT_TRUE(queue_->cancel(3));
  EXPECT_EQ(message(2), "CANCELLED: the request was cancelled while it waited");
  EXPECT_FALSE(queue_->cancel(2));
  EXPECT_FALSE(queue_->cancel(99));
  EXPECT_EQ(take(), Numbers({1}));
  EXPECT_FALSE(queue_->cancel(1));
  EXPECT_EQ(metrics_.cancelled.count(), 2U);
}

TEST_F(BatchQueueTest, cancels_nothing_by_the_ticket_that_names_none) {
  make(options(8));
  queue_->offer(book_.pending(1, request_of({1})));
  EXPECT_FALSE(queue_->cancel(0));
  EXPECT_EQ(queue_->waiting(), 1U);
}

TEST_F(BatchQueueTest, grants_a_claim_where_nothing_is_to_be_waited_for) {
  QueueOptions two = options(8);
  two.runners = 2;
  make(two);
  PendingRequest request = request_of({1, 2});
  const auto first = queue_->claim_for(request);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->reason, CloseReason::kDelay);
  EXPECT_EQ(request.accepted_at, clock_.now());
  PendingRequest full = request_of(Numbers(8));
  const auto second = queue_->claim_for(full);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->reason, CloseReason::kFull);
  EXPECT_NE(second->runner, first->runner);
  EXPECT_FALSE(queue_->claim_for(request));
  queue_->finish(first->runner);
  EXPECT_EQ(queue_->claim_for(request)->runner, first->runner);
  EXPECT_EQ(metrics_.accepted.value(), 3U);
}

TEST_F(BatchQueueTest, grants_no_claim_ahead_of_those_who_wait) {
  make(options(8));
  offer(1);
  PendingRequest request = request_of({2});
  EXPECT_FALSE(queue_->claim_for(request));
}

TEST_F(BatchQueueTest, grants_no_claim_where_more_rows_are_worth_waiting_for) {
  make(options(8, milliseconds(10)));
  PendingRequest request = request_of({1});
  EXPECT_FALSE(queue_->claim_for(request));
  request.request.deadline = in(milliseconds(10));
  const auto hurried = queue_->claim_for(request);
  ASSERT_TRUE(hurried);
  EXPECT_EQ(hurried->reason, CloseReason::kDeadline);
}

TEST_F(BatchQueueTest, grants_no_claim_too_late_or_after_its_end) {
  make(options(8));
  PendingRequest late = request_of({1}, clock_.now());
  EXPECT_FALSE(queue_->claim_for(late));
  queue_->close();
  PendingRequest request = request_of({1});
  EXPECT_FALSE(queue_->claim_for(request));
}

TEST_F(BatchQueueTest, grants_no_claim_on_thread_bound_runners) {
  QueueOptions bound = options(8);
  bound.runners_are_thread_bound = true;
  make(bound);
  PendingRequest request = request_of({1});
  EXPECT_FALSE(queue_->claim_for(request));
}

// Threads that take, and those that watch, until the queue is closed.
class BatchQueueThreads : public BatchQueueTest {
 protected:
  ~BatchQueueThreads() override { end_threads(); }

  void end_threads() {
    if (queue_) queue_->close();
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
  }
  void start_watcher() {
    threads_.emplace_back([this] { queue_->watch_deadlines(); });
  }
  // Answers each batch as the response's id says: its keys, and the reason.
  void start_worker(std::size_t worker) {
    threads_.emplace_back([this, worker] {
      Batch batch;
      while (true) {
        queue_->take(worker, batch);
        if (batch.requests.empty()) return;
        std::string id;
        for (const auto key : keys(batch))
          id += std::to_string(key) + " ";
        id += close_reason_name(batch.reason);
        if (keys(batch).front() == stuck_at_) released_->wait();
        queue_->finish(batch.runner);
        for (PendingRequestPtr& request : batch.requests) {
          InferResponse response;
          response.id = id;
          answer(std::move(request), std::move(response));
        }
      }
    });
  }

  // A worker that takes this one keeps its runner until it is released.
  std::atomic<int> stuck_at_ = -1;
  std::optional<std::latch> released_;

 private:
  std::vector<std::thread> threads_;
};

TEST_F(BatchQueueThreads, a_worker_waits_until_the_delay_is_over) {
  make(options(8, milliseconds(10)));
  start_worker(0);
  clock_.await_waiters(1);
  offer(1);
  clock_.await_waiter_until(in(milliseconds(10)));
  clock_.advance(milliseconds(9));
  offer(2);
  clock_.advance(milliseconds(1));
  EXPECT_EQ(book_.await(1).id, "1 2 delay");
}

TEST_F(BatchQueueThreads, a_worker_is_woken_when_the_batch_is_full) {
  make(options(2, std::chrono::hours(1)));
  start_worker(0);
  clock_.await_waiters(1);
  offer(1);
  clock_.await_waiter_until(in(std::chrono::hours(1)));
  offer(2);
  EXPECT_EQ(book_.await(2).id, "1 2 full");
}

TEST_F(BatchQueueThreads, a_worker_is_woken_by_a_runner_that_comes_back) {
  make(options(8));
  PendingRequest inline_request = request_of({9});
  const auto claim = queue_->claim_for(inline_request);
  ASSERT_TRUE(claim);
  start_worker(0);
  clock_.await_waiters(1);
  offer(1);
  offer(2);
  EXPECT_EQ(book_.total(), 0U);
  queue_->finish(claim->runner);
  EXPECT_EQ(book_.await(1).id, "1 2 delay");
}

// The real one, which tells how often somebody has gone to sleep.
class CountingClock final : public Clock {
 public:
  TimePoint now() noexcept override { return steady_clock().now(); }
  void wait_until(CondVar& condition, MutexLock& lock, TimePoint until) override {
    ++waits;
    steady_clock().wait_until(condition, lock, until);
  }

  std::atomic<int> waits = 0;
};

// On the real clock, as advancing the fake one wakes more than those whose moment has come. However
// long anything takes, this ends; unless nobody wakes for the second batch.
TEST_F(BatchQueueThreads, another_worker_takes_over_the_alarm_of_one_that_leaves) {
  constexpr milliseconds kDelay(4);
  int key = 0;
  for (const bool bound : {false, true, false, true}) {
    QueueOptions two = options(8, kDelay);
    two.runners = 2;
    two.runners_are_thread_bound = bound;
    CountingClock clock;
    queue_ = std::make_unique<BatchQueue>(two, clock, metrics_);
    start_worker(0);
    start_worker(1);
    while (clock.waits < 2)
      std::this_thread::yield();
    stuck_at_ = ++key;
    released_.emplace(1);
    PendingRequestPtr first = pending(key, {key});
    first->row_key = 1;
    queue_->offer(std::move(first));
    const TimePoint later = clock.now() + kDelay / 2;
    while (clock.now() < later)
      std::this_thread::yield();
    ++key;
    PendingRequestPtr second = pending(key, {key});
    second->row_key = 2;
    queue_->offer(std::move(second));
    EXPECT_EQ(book_.await(key).id, std::to_string(key) + " delay");
    released_->count_down();
    end_threads();
    queue_.reset();
  }
}

TEST_F(BatchQueueThreads, the_watcher_answers_while_every_runner_is_busy) {
  make(options(8));
  PendingRequest inline_request = request_of({9});
  const auto claim = queue_->claim_for(inline_request);
  ASSERT_TRUE(claim);
  start_watcher();
  start_worker(0);
  clock_.await_waiters(2);
  offer(1, 1, in(milliseconds(20)));
  clock_.await_waiter_until(in(milliseconds(20)));
  offer(2, 1, in(milliseconds(10)));
  clock_.await_waiter_until(in(milliseconds(10)));
  offer(3);
  clock_.advance(milliseconds(10));
  EXPECT_EQ(book_.await(2).code, StatusCode::kDeadlineExceeded);
  clock_.await_waiter_until(in(milliseconds(10)));
  EXPECT_EQ(book_.total(), 1U);
  clock_.advance(milliseconds(10));
  EXPECT_EQ(book_.await(1).code, StatusCode::kDeadlineExceeded);
  queue_->finish(claim->runner);
  EXPECT_EQ(book_.await(3).id, "3 delay");
  EXPECT_EQ(metrics_.expired.count(), 2U);
}

TEST_F(BatchQueueThreads, closing_wakes_everybody) {
  make(options(8, std::chrono::hours(1)));
  start_watcher();
  start_worker(0);
  start_worker(1);
  clock_.await_waiters(3);
  offer(1);
  clock_.await_waiter_until(in(std::chrono::hours(1)));
  queue_->close();
  EXPECT_EQ(book_.await(1).id, "1 drain");
  queue_->await_drained();
}

TEST_F(BatchQueueThreads, is_drained_when_the_last_runner_is_back) {
  make(options(8));
  PendingRequest inline_request = request_of({1});
  const auto claim = queue_->claim_for(inline_request);
  ASSERT_TRUE(claim);
  queue_->close();
  std::atomic<bool> back = false;
  std::thread closer([&] {
    queue_->await_drained();
    EXPECT_TRUE(back);
  });
  back = true;
  queue_->finish(claim->runner);
  closer.join();
}

TEST_F(BatchQueueThreads, is_drained_when_the_last_cancel_has_answered) {
  make(options(8));
  std::thread closer;
  std::atomic<bool> answered = false;
  PendingRequestPtr request = pending(1, {1});
  request->reply = Reply([&](const Result<InferResponse>&) {
    auto begun = std::make_shared<std::latch>(1);
    closer = std::thread([&, begun] {
      begun->count_down();
      queue_->await_drained();
      EXPECT_TRUE(answered);
    });
    begun->wait();
    for (int i = 0; i < 2000; ++i)
      std::this_thread::yield();  // it may try to be too early
    answered = true;
  });
  queue_->offer(std::move(request));
  queue_->close();
  EXPECT_TRUE(queue_->cancel(1));
  closer.join();
}

}  // namespace
}  // namespace muster
