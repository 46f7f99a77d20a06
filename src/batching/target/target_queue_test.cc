// SPDX-License-Identifier: Apache-2.0
// A queue with a latency target: what it refuses, drops, learns and tells. When it waits is the
// policy's test; how well it does, the simulation's.
#include <array>
#include <chrono>
#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "batching/testing/queue_fixture.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using testing::Numbers;
using testing::request_of;

constexpr auto kTarget = milliseconds(40);

// A batch takes 10 ms and one more for each row, and a fifth more to be cautious.
class TargetQueue : public testing::BatchQueueTest {
 protected:
  static QueueOptions with_target(std::int64_t max_rows = 8) {
    QueueOptions options = BatchQueueTest::options(max_rows);
    options.limits.latency_target = kTarget;
    for (std::int64_t rows = 1; rows <= max_rows; rows *= 2)
      options.first_costs.push_back({rows, milliseconds(10 + rows)});
    return options;
  }

  // Keeps the only session busy.
  void make_busy() {
    offer(99);
    queue_->take(0, busy_);
  }
  void end_run() {
    queue_->finish(busy_.runner);
    for (PendingRequestPtr& request : busy_.requests)
      answer(std::move(request), InferResponse());
  }
  [[nodiscard]] nanoseconds typical(std::int64_t rows) const {
    return CostCurve(metrics_.target.knots()).typical(rows);
  }
  [[nodiscard]] std::uint64_t chosen(TargetChoice choice) const {
    return metrics_.target.choices[static_cast<std::size_t>(choice)].value();
  }

  Batch busy_;
};

constexpr const char* kTooLate =
    "DEADLINE_EXCEEDED: the request could not be answered in time any more: by its own deadline or "
    "within the model's latency target of 40 ms (latency_target_ms)";

TEST_F(TargetQueue, takes_at_once_what_comes_alone) {
  make(with_target());
  offer(1);
  EXPECT_EQ(take(), Numbers({1}));
  EXPECT_EQ(batch_.reason, CloseReason::kDelay);
  EXPECT_EQ(chosen(TargetChoice::kAtOnce), 1U);
}

TEST_F(TargetQueue, refuses_at_once_what_could_not_be_in_time_even_alone) {
  make(with_target());
  make_busy();
  offer(1, 1, in(milliseconds(11)));
  EXPECT_EQ(message(1), kTooLate);
  offer(2, 1, in(milliseconds(12)));
  EXPECT_EQ(book_.times(2), 0U);
  // Three rows take 13.
  offer(3, 3, in(milliseconds(12)));
  EXPECT_EQ(message(3), kTooLate);
  EXPECT_EQ(metrics_.expired.count(), 2U);
  EXPECT_EQ(metrics_.target.dropped.value(), 0U);
}

TEST_F(TargetQueue, tries_what_is_late_where_a_session_is_idle_and_nothing_waits) {
  make(with_target());
  offer(1, 1, in(milliseconds(2)));
  EXPECT_EQ(take(), Numbers({1}));
  EXPECT_EQ(chosen(TargetChoice::kHopeless), 1U);
}

TEST_F(TargetQueue, answers_what_waits_when_it_can_no_longer_be_in_time) {
  make(with_target());
  make_busy();
  offer(1);
  clock_.advance(milliseconds(29));  // 11 are left, which is what it takes
  offer(2);
  end_run();
  EXPECT_EQ(take(), Numbers({2}));
  EXPECT_EQ(message(1), kTooLate);
}

TEST_F(TargetQueue, counts_from_when_a_request_was_received) {
  make(with_target());
  make_busy();
  clock_.advance(milliseconds(30));
  PendingRequestPtr late = pending(1, Numbers(1, 1));
  late->request.received_at = in(milliseconds(-30));  // counts as 10, which leaves 30
  queue_->offer(std::move(late));
  PendingRequestPtr early = pending(2, Numbers(1, 2));
  early->request.received_at = in(milliseconds(5));
  queue_->offer(std::move(early));  // as one that is received when it is offered
  clock_.advance(milliseconds(19));
  offer(3);
  end_run();
  EXPECT_EQ(take(), Numbers({2, 3}));
  EXPECT_EQ(message(1), kTooLate);
}

TEST_F(TargetQueue, tries_what_took_long_to_come_where_a_session_is_idle_and_nothing_waits) {
  make(with_target());
  clock_.advance(std::chrono::hours(1));
  PendingRequestPtr old = pending(1, Numbers(1, 1));
  old->request.received_at = in(-kTarget * 2);
  queue_->offer(std::move(old));
  EXPECT_EQ(take(), Numbers({1}));
}

TEST_F(TargetQueue, leaves_answers_the_time_that_they_take_to_go_out) {
  make(with_target());
  for (int i = 0; i < 300; ++i)
    queue_->delivery()->record(milliseconds(5));
  make_busy();
  clock_.advance(milliseconds(11));
  busy_.succeeded = true;
  end_run();
  offer(98);
  queue_->take(0, busy_);  // learns, with what the batch took
  EXPECT_NEAR(static_cast<double>(metrics_.target.delivery_ns.value()), 5e6, 5e4);
  offer(1);
  clock_.advance(milliseconds(25));  // 15 are left, 5 of them for the answer, and 11 are needed
  offer(2);
  end_run();
  EXPECT_EQ(take(), Numbers({2}));
  EXPECT_EQ(message(1), kTooLate);
}

TEST_F(TargetQueue, heeds_a_tighter_deadline_and_no_looser_one) {
  make(with_target());
  make_busy();
  offer(1, 1, in(milliseconds(30)));
  offer(2, 1, in(std::chrono::hours(1)));
  clock_.advance(milliseconds(19));
  offer(3);
  end_run();
  EXPECT_EQ(take(), Numbers({2, 3}));
  EXPECT_EQ(message(1), kTooLate);
  queue_->finish(0);
  make_busy();
  offer(4, 1, in(std::chrono::hours(1)));
  clock_.advance(milliseconds(29));
  offer(5);
  end_run();
  EXPECT_EQ(take(), Numbers({5}));
  EXPECT_EQ(message(4), kTooLate);
}

TEST_F(TargetQueue, drops_the_first_so_that_those_behind_fill_a_batch_in_time) {
  make(with_target());
  make_busy();
  for (const int key : {1, 2, 3})
    offer(key);
  clock_.advance(milliseconds(25));
  for (const int key : {4, 5, 6, 7, 8})
    offer(key);
  end_run();
  EXPECT_EQ(take(), Numbers({4, 5, 6, 7, 8}));
  for (const int key : {1, 2, 3}) {
    EXPECT_EQ(message(key),
              "DEADLINE_EXCEEDED: the request was dropped, so that those behind it are answered "
              "within the model's latency target of 40 ms (latency_target_ms): more comes than the "
              "model can run");
  }
  EXPECT_EQ(metrics_.target.dropped.value(), 3U);
  EXPECT_EQ(metrics_.expired.count(), 3U);
  EXPECT_EQ(chosen(TargetChoice::kDrop), 1U);
}

TEST_F(TargetQueue, hands_the_rest_on_before_it_answers_those_that_it_drops) {
  QueueOptions options = with_target();
  options.runners = 2;
  make(options);
  Batch rest;
  std::latch taken(1);
  std::thread other([&] {
    queue_->take(1, rest);
    taken.count_down();
    queue_->close();
  });
  clock_.await_waiters(1);
  // Whoever answers this one waits until the other worker has taken what is left.
  auto first = std::make_unique<PendingRequest>(request_of({1}));
  first->reply = Reply([&taken](const Result<InferResponse>& /*outcome*/) { taken.wait(); });
  queue_->offer(std::move(first), Waking::kLater);
  for (const int key : {2, 3})
    queue_->offer(pending(key, {key}), Waking::kLater);
  clock_.advance(milliseconds(25));
  for (const int key : {4, 5, 6, 7, 8})
    queue_->offer(pending(key, {key}), Waking::kLater);
  queue_->take(0, batch_);
  other.join();
  EXPECT_EQ(keys(rest), Numbers({4, 5, 6, 7, 8}));
  EXPECT_TRUE(batch_.requests.empty());
  EXPECT_EQ(metrics_.target.dropped.value(), 3U);
}

// Notes which thread answers. While `holds`, whoever answers key 1 stays in there.
class WatchedQueue : public TargetQueue {
 protected:
  void SetUp() override {
    make(with_target());
    watcher_ = std::thread([this] { queue_->watch_deadlines(); });
    clock_.await_waiters(1);
  }
  void TearDown() override {
    queue_->close();
    watcher_.join();
  }

  void offer_noted(int key) {
    auto request = std::make_unique<PendingRequest>(request_of({key}));
    request->reply = Reply([this, key](const Result<InferResponse>& outcome) {
      answered_by_[static_cast<std::size_t>(key)] = std::this_thread::get_id();
      if (key == 1 && holds_) {
        held_.count_down();
        let_go_.wait();
      }
      book_.write(key, testing::answer_of(outcome));
    });
    queue_->offer(std::move(request));
  }
  // The first three are dropped, so that the five behind them are in time.
  void overload(int key) {
    make_busy();
    for (int i = 0; i < 3; ++i)
      offer_noted(key + i);
    clock_.advance(milliseconds(25));
    for (int i = 3; i < 8; ++i)
      offer(key + i);
    end_run();
    EXPECT_EQ(take(), Numbers({key + 3, key + 4, key + 5, key + 6, key + 7}));
    end_batch();
  }
  void be_late(int key) {
    make_busy();
    offer_noted(key);
    clock_.advance(milliseconds(29));
    offer(key + 1);
    end_run();
    EXPECT_EQ(take(), Numbers({key + 1}));
    end_batch();
  }
  void expect_answered(const Numbers& keys, std::thread::id by) {
    for (const auto key : keys) {
      EXPECT_EQ(book_.await(static_cast<int>(key)).code, StatusCode::kDeadlineExceeded) << key;
      EXPECT_EQ(answered_by_[static_cast<std::size_t>(key)], by) << key;
    }
  }

  std::thread watcher_;
  bool holds_ = false;
  std::latch held_{1};
  std::latch let_go_{1};

 private:
  void end_batch() {
    queue_->finish(batch_.runner);
    for (PendingRequestPtr& request : batch_.requests)
      answer(std::move(request), InferResponse());
  }

  std::array<std::thread::id, 100> answered_by_;
};

TEST_F(WatchedQueue, leaves_the_answers_of_those_that_it_drops_to_the_watcher) {
  overload(1);
  expect_answered({1, 2, 3}, watcher_.get_id());
  EXPECT_EQ(metrics_.target.dropped.value(), 3U);
  EXPECT_EQ(metrics_.expired.count(), 3U);
}

TEST_F(WatchedQueue, answers_what_it_drops_itself_where_the_watcher_does_not_keep_up) {
  holds_ = true;
  overload(1);
  held_.wait();
  be_late(11);   // waits for the watcher
  overload(21);  // need not, nor is there any more to wait for it
  expect_answered({21, 22, 23}, std::this_thread::get_id());
  EXPECT_EQ(book_.times(11), 0U);
  let_go_.count_down();
  expect_answered({1, 2, 3, 11}, watcher_.get_id());
  EXPECT_EQ(metrics_.expired.count(), 7U);
}

TEST_F(WatchedQueue, loses_nothing_of_what_it_left_to_the_watcher_when_it_is_closed) {
  holds_ = true;
  overload(1);
  held_.wait();
  overload(21);
  queue_->close();
  let_go_.count_down();
  expect_answered({1, 2, 3, 21, 22, 23}, watcher_.get_id());
}

TEST_F(TargetQueue, never_drops_a_higher_level_for_a_lower_one) {
  QueueOptions options = with_target();
  options.levels.resize(2);
  make(options);
  make_busy();
  const auto offer_at = [this](int key, std::uint64_t level) {
    PendingRequestPtr request = pending(key, {key});
    request->request.priority = level;
    queue_->offer(std::move(request));
  };
  offer_at(1, 1);
  clock_.advance(milliseconds(25));
  for (const int key : {2, 3, 4, 5, 6, 7})
    offer_at(key, 2);
  end_run();
  // The first has 15 ms left: with one of the others it takes 14.4, with two 15.6.
  EXPECT_EQ(take(), Numbers({1, 2}));
  EXPECT_EQ(metrics_.target.dropped.value(), 0U);
}

TEST_F(TargetQueue, fills_up_with_lower_levels_that_are_in_time) {
  QueueOptions options = with_target();
  options.levels.resize(2);
  make(options);
  make_busy();
  PendingRequestPtr old = pending(1, {1});
  old->request.priority = 2;
  queue_->offer(std::move(old));
  clock_.advance(milliseconds(28));
  offer(2);
  end_run();
  // What is left for the old one of the lower level, 12 ms, is not enough for two.
  EXPECT_EQ(take(), Numbers({2}));
  EXPECT_EQ(queue_->waiting(), 1U);
}

TEST_F(TargetQueue, learns_what_batches_take_until_they_are_answered) {
  QueueOptions options = with_target();
  options.runners = 2;  // so that one keeps up with what comes
  make(options);
  EXPECT_EQ(typical(1), milliseconds(11));
  for (int i = 0; i < 200; ++i) {
    offer(1);
    queue_->take(0, batch_);
    clock_.advance(milliseconds(19));
    queue_->finish(batch_.runner);
    batch_.requests.clear();
    clock_.advance(milliseconds(1));
    batch_.succeeded = true;
  }
  EXPECT_NEAR(static_cast<double>(typical(1).count()), 20e6, 0.5e6);
  EXPECT_GE(typical(8), typical(1));
}

TEST_F(TargetQueue, learns_nothing_from_failures) {
  make(with_target());
  for (int i = 0; i < 3; ++i) {
    offer(1);
    queue_->take(0, batch_);
    queue_->finish(batch_.runner);
    batch_.requests.clear();
  }
  EXPECT_EQ(typical(1), milliseconds(11));
}

TEST_F(TargetQueue, learns_from_who_runs_his_own_request) {
  make(with_target());
  PendingRequest own = request_of({1});
  const auto claim = queue_->claim_for(own);
  ASSERT_TRUE(claim.has_value());
  clock_.advance(milliseconds(15));
  queue_->finish(claim->runner, &own);
  EXPECT_NEAR(static_cast<double>(typical(1).count()), 15e6, 0.1e6);  // the guess hardly counts
  EXPECT_EQ(chosen(TargetChoice::kAtOnce), 1U);
}

TEST_F(TargetQueue, leaves_a_request_that_it_does_not_claim_as_it_was) {
  QueueOptions options = with_target();
  options.runners = 2;
  make(options);
  for (int i = 0; i < 20; ++i) {
    offer(100 + i, 8);
    queue_->take(0, batch_);
    queue_->finish(batch_.runner);
    batch_.requests.clear();
  }
  // So much comes that one alone waits for others.
  PendingRequest own = request_of({1}, in(milliseconds(35)));
  EXPECT_FALSE(queue_->claim_for(own).has_value());
  EXPECT_EQ(own.request.deadline, in(milliseconds(35)));
}

TEST_F(TargetQueue, tells_its_target_its_rate_and_what_it_knows) {
  make(with_target());
  EXPECT_EQ(metrics_.target.target(), kTarget);
  for (int i = 0; i < 8; ++i)
    offer(i + 1);
  EXPECT_NEAR(metrics_.target.rows_per_second(clock_.now()), 100, 1);  // 8 in a memory of 80 ms
  EXPECT_LT(metrics_.target.rows_per_second(in(kTarget * 2)), 40);
  EXPECT_EQ(metrics_.target.knots().size(), 6U);  // 1, 2, 3, 4, 6, 8
  EXPECT_EQ(take().size(), 8U);
  EXPECT_EQ(chosen(TargetChoice::kFull), 1U);
}

TEST_F(TargetQueue, hands_out_everything_when_it_is_closed) {
  make(with_target());
  make_busy();
  for (const int key : {1, 2, 3})
    offer(key);
  queue_->close();
  end_run();
  EXPECT_EQ(take(), Numbers({1, 2, 3}));
  EXPECT_EQ(batch_.reason, CloseReason::kDrain);
}

TEST_F(TargetQueue, of_a_model_without_a_target_tells_of_none) {
  make(options(8));
  offer(1);
  EXPECT_EQ(take(), Numbers({1}));
  EXPECT_EQ(metrics_.target.target().count(), 0);
  EXPECT_EQ(metrics_.target.newest_choice.value(), 0);
}

}  // namespace
}  // namespace muster
