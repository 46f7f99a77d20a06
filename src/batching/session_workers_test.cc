// SPDX-License-Identifier: Apache-2.0
#include "batching/session_workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "batching/testing/puppet_model.h"
#include "batching/testing/requests.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using testing::Answer;
using testing::answer_of;
using testing::AnswerBook;
using testing::Numbers;
using testing::NumberSource;
using testing::PuppetModel;
using testing::request_from;
using testing::request_of;

QueueOptions options(std::int64_t max_rows, milliseconds delay = milliseconds(0),
                     std::size_t runners = 1) {
  QueueOptions options;
  options.limits.max_rows = max_rows;
  options.limits.max_queue_delay = delay;
  options.runners = runners;
  return options;
}

class SessionWorkersTest : public ::testing::Test {
 protected:
  // Returns when every worker and the watcher sleep.
  void start(const QueueOptions& queue) {
    auto started = SessionWorkers::start(model_, true, queue, clock_, metrics_);
    ASSERT_TRUE(started.ok()) << started.status().to_string();
    workers_ = *std::move(started);
    clock_.await_waiters(queue.runners + 1);
  }

  [[nodiscard]] TimePoint in(milliseconds time) { return clock_.now() + time; }
  void offer(int key, TimePoint deadline = kNoDeadline) {
    PendingRequestPtr request = book_.pending(key, request_of({key}, deadline));
    request->request.ticket = static_cast<RequestTicket>(key);
    workers_->offer(std::move(request));
  }
  // A completion that does something more once it has written.
  template <typename F>
  void offer_then(int key, F then) {
    auto request = std::make_unique<PendingRequest>(request_of({key}));
    request->request.ticket = static_cast<RequestTicket>(key);
    request->reply = Reply([this, key, then](Result<InferResponse> outcome) {
      then();
      book_.write(key, answer_of(outcome));
    });
    workers_->offer(std::move(request));
  }
  Answer infer(const Numbers& numbers, TimePoint deadline = kNoDeadline) {
    return answer_of(workers_->infer(request_of(numbers, deadline)));
  }
  // A thread that blocks for one request and writes the answer under its number.
  std::thread caller(int key) {
    return std::thread([this, key] { book_.write(key, infer({key})); });
  }

  FakeClock clock_;
  PuppetModel model_;
  AnswerBook book_;
  BatchingMetrics metrics_;
  std::unique_ptr<SessionWorkers> workers_;
};

TEST_F(SessionWorkersTest, wakes_nobody_for_a_burst_before_its_end_and_then_runs_it_as_one_batch) {
  start(options(8));
  for (const int key : {1, 2, 3})
    workers_->offer(book_.pending(key, request_of({key})), Waking::kLater);
  workers_->wake_due();
  for (const int key : {1, 2, 3})
    EXPECT_EQ(book_.await(key).batch.rows, 3);
}

TEST_F(SessionWorkersTest, wakes_as_many_workers_at_the_end_of_a_burst_as_batches_are_due) {
  start(options(2, milliseconds(0), 2));
  for (const int key : {1, 2, 3, 4})
    workers_->offer(book_.pending(key, request_of({key})), Waking::kLater);
  model_.hold();
  workers_->wake_due();
  model_.await_runs(2);  // side by side
  model_.open();
  for (const int key : {1, 2, 3, 4})
    EXPECT_EQ(book_.await(key).batch.rows, 2);
}

TEST_F(SessionWorkersTest, has_as_many_sessions_as_each_instance_wants) {
  model_.give_sessions(3);
  auto started =
      SessionWorkers::start(model_, true, options(8, milliseconds(0), 2), clock_, metrics_);
  ASSERT_TRUE(started.ok());
  workers_ = *std::move(started);
  clock_.await_waiters(6 + 1);
  EXPECT_EQ(model_.lives().size(), 6U);
}

TEST_F(SessionWorkersTest, the_last_answer_of_a_batch_measures_its_delivery) {
  const auto keys_with_a_meter = [&](int first, int last) {
    Numbers measured;
    for (int key = first; key <= last; ++key) {
      auto request = std::make_unique<PendingRequest>(request_of({key}));
      request->reply = Reply([&, key](Result<InferResponse> outcome) {
        if (outcome.ok() && outcome->delivery.meter) measured.push_back(key);
        book_.write(key, answer_of(outcome));
      });
      workers_->offer(std::move(request), Waking::kLater);
    }
    workers_->wake_due();
    for (int key = first; key <= last; ++key)
      EXPECT_EQ(book_.await(key).code, StatusCode::kOk);
    return measured;
  };
  start(options(8));
  EXPECT_EQ(keys_with_a_meter(1, 3), Numbers());
  QueueOptions with_target = options(8);
  with_target.limits.latency_target = milliseconds(100);
  start(with_target);
  // One of each batch; which stands last in it, the line decides.
  EXPECT_EQ(keys_with_a_meter(4, 6).size(), 1U);
  model_.give_room(1);  // halves, and halves of these
  EXPECT_EQ(keys_with_a_meter(7, 10).size(), 1U);
}

TEST_F(SessionWorkersTest, runs_halves_of_a_batch_that_the_session_has_no_memory_for) {
  start(options(8));
  model_.give_room(2);
  for (const int key : {1, 2, 3, 4, 5})
    workers_->offer(book_.pending(key, request_of({key})), Waking::kLater);
  workers_->wake_due();
  for (const int key : {1, 2, 3, 4, 5}) {
    const Answer answer = book_.await(key);
    EXPECT_EQ(answer.numbers, Numbers({key + testing::kPuppetAdds})) << answer.message;
    EXPECT_LE(answer.batch.rows, 2);
  }
  // 5, then 2 and 3, and 3 as 1 and 2.
  EXPECT_EQ(metrics_.batches_split.value(), 2U);
  EXPECT_EQ(metrics_.batch_rows.counts(), (std::map<std::int64_t, std::uint64_t>{{5, 1}}));
  EXPECT_EQ(metrics_.rows.value(), 5U);
  EXPECT_EQ(metrics_.succeeded.count(), 5U);
  EXPECT_EQ(metrics_.failed.count(), 0U);
}

TEST_F(SessionWorkersTest, answers_why_where_one_request_alone_is_too_large) {
  start(options(8));
  model_.give_room(2);
  workers_->offer(book_.pending(1, request_of({1})), Waking::kLater);
  workers_->offer(book_.pending(2, request_of({2, 3, 4})), Waking::kLater);
  workers_->wake_due();
  EXPECT_EQ(book_.await(1).numbers, Numbers({1001}));
  EXPECT_EQ(book_.await(2).code, StatusCode::kResourceExhausted);
  EXPECT_EQ(book_.await(2).message, "the stage is too small");
  EXPECT_EQ(metrics_.succeeded.count(), 1U);
  EXPECT_EQ(metrics_.failed.count(), 1U);
}

TEST_F(SessionWorkersTest, runs_a_lone_request_on_the_thread_that_calls) {
  start(options(8));
  const Answer answer = infer({1, 2});
  EXPECT_EQ(answer.numbers, Numbers({1001, 1002}));
  EXPECT_EQ(answer.batch.rows, 2);
  EXPECT_EQ(answer.batch.requests, 1);
  EXPECT_EQ(answer.batch.reason, CloseReason::kDelay);
  EXPECT_EQ(model_.lives()[0].ran_on.front(), std::this_thread::get_id());
  EXPECT_EQ(metrics_.accepted.value(), 1U);
  EXPECT_EQ(metrics_.succeeded.count(), 1U);
}

TEST_F(SessionWorkersTest, counts_how_long_requests_and_batches_took) {
  start(options(8));
  model_.hold();
  offer(1);
  model_.await_runs(1);
  offer(2);
  offer(3);
  clock_.advance(milliseconds(5));
  model_.release();
  model_.await_runs(2);
  EXPECT_EQ(metrics_.in_flight(), 2U);
  clock_.advance(milliseconds(3));
  model_.open();
  book_.await_total(3);
  EXPECT_EQ(metrics_.queue.count(), 3U);
  EXPECT_EQ(metrics_.queue.total(), milliseconds(5 + 5));
  EXPECT_EQ(metrics_.succeeded.count(), 3U);
  EXPECT_EQ(metrics_.succeeded.total(), milliseconds(5 + 8 + 8));
  EXPECT_EQ(metrics_.compute.count(), 3U);
  EXPECT_EQ(metrics_.compute.total(), milliseconds(5 + 3 + 3));
  EXPECT_EQ(metrics_.batch_compute.count(), 2U);
  EXPECT_EQ(metrics_.batch_compute.total(), milliseconds(5 + 3));
  EXPECT_EQ(metrics_.stages_by_rows.at(2).compute.count(), 1U);
  EXPECT_EQ(metrics_.stages_by_rows.at(2).compute.total(), milliseconds(3));
  EXPECT_EQ(metrics_.waiting(), 0U);
  EXPECT_EQ(metrics_.in_flight(), 0U);
  EXPECT_GT(metrics_.last_batch.value(), 0);
}

TEST_F(SessionWorkersTest, counts_how_long_failures_and_cancelled_requests_took) {
  start(options(8));
  model_.hold();
  model_.end_runs(PuppetModel::Ending::kFails);
  offer(1);
  model_.await_runs(1);
  offer(2);
  EXPECT_EQ(metrics_.waiting(), 1U);
  clock_.advance(milliseconds(5));
  EXPECT_TRUE(workers_->cancel(2));
  model_.open();
  book_.await_total(2);
  EXPECT_EQ(metrics_.failed.total(), milliseconds(5));
  EXPECT_EQ(metrics_.cancelled.total(), milliseconds(5));
  EXPECT_EQ(metrics_.succeeded.count(), 0U);
  EXPECT_EQ(metrics_.compute.count(), 0U);
  EXPECT_EQ(metrics_.stages_by_rows.at(1).compute.count(), 0U);
}

TEST_F(SessionWorkersTest, fails_a_request_whose_input_is_gone_and_none_that_shares_its_batch) {
  start(options(8));
  model_.hold();
  offer(1);
  model_.await_runs(1);
  const auto gone = std::make_shared<NumberSource>(Numbers{3});
  offer(2);
  workers_->offer(book_.pending(3, request_from(gone)));
  workers_->offer(
      book_.pending(4, request_from(std::make_shared<const NumberSource>(Numbers{4, 5}))));
  gone->take_away();  // after it was accepted
  model_.open();
  EXPECT_EQ(book_.await(2).numbers, Numbers({1002}));
  EXPECT_EQ(book_.await(2).batch.requests, 3);
  EXPECT_EQ(book_.await(3).code, StatusCode::kInvalidArgument);
  EXPECT_EQ(book_.await(3).message, "input 'x': the numbers are gone");
  EXPECT_EQ(book_.await(4).numbers, Numbers({1004, 1005}));
  EXPECT_EQ(metrics_.succeeded.count(), 3U);
  EXPECT_EQ(metrics_.failed.count(), 1U);
  EXPECT_EQ(metrics_.compute.count(), 3U);
  EXPECT_EQ(metrics_.in_flight(), 0U);
}

TEST_F(SessionWorkersTest, runs_nothing_where_all_inputs_of_a_batch_are_gone) {
  start(options(8));
  const auto gone = std::make_shared<NumberSource>(Numbers{3});
  gone->take_away();
  EXPECT_EQ(answer_of(workers_->infer(request_from(gone))).message,
            "input 'x': the numbers are gone");
  workers_->offer(book_.pending(1, request_from(gone)));
  EXPECT_EQ(book_.await(1).code, StatusCode::kInvalidArgument);
  EXPECT_TRUE(model_.runs().empty());
  EXPECT_EQ(metrics_.failed.count(), 2U);
  EXPECT_EQ(infer({7}).numbers, Numbers({1007}));
}

TEST_F(SessionWorkersTest, runs_an_offered_request_on_a_worker) {
  start(options(8));
  offer(1);
  EXPECT_EQ(book_.await(1).numbers, Numbers({1001}));
  EXPECT_NE(model_.lives()[0].ran_on.front(), std::this_thread::get_id());
}

TEST_F(SessionWorkersTest, leaves_a_request_to_a_worker_where_there_is_a_delay_to_wait) {
  start(options(8, milliseconds(10)));
  std::thread blocked = caller(1);
  clock_.await_waiter_until(in(milliseconds(10)));
  offer(2);
  clock_.advance(milliseconds(10));
  const Answer answer = book_.await(1);
  EXPECT_EQ(answer.numbers, Numbers({1001}));
  EXPECT_EQ(answer.batch.requests, 2);
  EXPECT_EQ(answer.batch.reason, CloseReason::kDelay);
  EXPECT_EQ(answer.batch.queue, milliseconds(10));
  EXPECT_NE(model_.lives()[0].ran_on.front(), blocked.get_id());
  blocked.join();
}

TEST_F(SessionWorkersTest, runs_a_full_request_on_the_thread_that_calls_in_spite_of_a_delay) {
  start(options(2, milliseconds(10)));
  const Answer answer = infer({1, 2});
  EXPECT_EQ(answer.batch.reason, CloseReason::kFull);
  EXPECT_EQ(model_.lives()[0].ran_on.front(), std::this_thread::get_id());
}

TEST_F(SessionWorkersTest, forms_a_batch_of_what_waited_while_the_runner_was_busy) {
  start(options(8));
  model_.hold();
  offer(1);
  model_.await_runs(1);
  for (const int key : {2, 3, 4})
    offer(key);
  model_.open();
  for (const int key : {2, 3, 4}) {
    const Answer answer = book_.await(key);
    EXPECT_EQ(answer.numbers, Numbers({key + testing::kPuppetAdds}));
    EXPECT_EQ(answer.batch.rows, 3);
  }
  EXPECT_EQ(model_.runs()[1].numbers, Numbers({2, 3, 4}));
  EXPECT_EQ(book_.await(1).batch.rows, 1);
}

TEST_F(SessionWorkersTest, forms_a_batch_of_what_waited_while_a_caller_ran_its_own) {
  start(options(8));
  model_.hold();
  std::thread blocked = caller(1);
  model_.await_runs(1);
  for (const int key : {2, 3, 4})
    offer(key);
  model_.open();
  for (const int key : {2, 3, 4})
    EXPECT_EQ(book_.await(key).batch.rows, 3);
  blocked.join();
}

TEST_F(SessionWorkersTest, echoes_the_request_s_id) {
  start(options(8));
  PendingRequest request = request_of({1});
  request.request.id = "seven";
  EXPECT_EQ(answer_of(workers_->infer(std::move(request))).id, "seven");
}

TEST_F(SessionWorkersTest, wakes_many_blocked_callers_and_completions_of_one_batch) {
  constexpr int kCallers = 100;  // more than are answered in one chain
  constexpr int kCompletions = 50;
  start(options(kCallers + kCompletions, std::chrono::hours(1)));
  for (int key = 0; key < kCompletions; ++key)
    offer(kCallers + key);
  std::vector<std::thread> callers;
  callers.reserve(kCallers);
  for (int key = 0; key < kCallers; ++key)
    callers.push_back(caller(key));
  for (std::thread& caller : callers)
    caller.join();
  for (int key = 0; key < kCallers + kCompletions; ++key) {
    const Answer answer = book_.await(key);
    EXPECT_EQ(answer.numbers, Numbers({key + testing::kPuppetAdds}));
    EXPECT_EQ(answer.batch.reason, CloseReason::kFull);
  }
  EXPECT_EQ(book_.total(), static_cast<std::size_t>(kCallers + kCompletions));
}

TEST_F(SessionWorkersTest, lets_go_of_a_blocked_caller_s_request_before_it_answers) {
  start(options(8, milliseconds(10)));
  const auto kept = std::make_shared<int>();
  std::thread blocked([&, keep = kept]() mutable {
    PendingRequest request = request_of({1});
    request.request.keep(std::move(keep));
    book_.write(1, answer_of(workers_->infer(std::move(request))));
  });
  clock_.await_waiter_until(in(milliseconds(10)));
  // Behind it in the batch, and answered one by one.
  offer_then(2, [&] { EXPECT_EQ(kept.use_count(), 1); });
  clock_.advance(milliseconds(10));
  EXPECT_EQ(book_.await(1).batch.requests, 2);
  EXPECT_EQ(book_.await(2).batch.requests, 2);
  blocked.join();
}

TEST_F(SessionWorkersTest, answers_at_the_deadline_while_every_runner_is_busy) {
  start(options(8, milliseconds(0), 2));
  model_.hold();
  offer(1);
  model_.await_runs(1);
  offer(2);
  model_.await_runs(2);
  offer(3, in(milliseconds(10)));
  std::thread blocked([&] { book_.write(4, infer({4}, in(milliseconds(10)))); });
  clock_.await_waiter_until(in(milliseconds(10)));
  while (metrics_.accepted.value() < 4)
    std::this_thread::yield();
  clock_.advance(milliseconds(10));
  EXPECT_EQ(book_.await(3).code, StatusCode::kDeadlineExceeded);
  EXPECT_EQ(book_.await(4).code, StatusCode::kDeadlineExceeded);
  EXPECT_EQ(book_.total(), 2U);
  blocked.join();
  model_.open();
  EXPECT_EQ(book_.await(1).code, StatusCode::kOk);
  EXPECT_EQ(book_.await(2).code, StatusCode::kOk);
}

TEST_F(SessionWorkersTest, refuses_a_blocking_call_whose_deadline_is_over) {
  start(options(8));
  EXPECT_EQ(infer({1}, clock_.now()).code, StatusCode::kDeadlineExceeded);
}

TEST_F(SessionWorkersTest, cancels_what_waits_and_not_what_runs) {
  start(options(8));
  model_.hold();
  offer(1);
  model_.await_runs(1);
  offer(2);
  EXPECT_TRUE(workers_->cancel(2));
  EXPECT_EQ(book_.await(2).code, StatusCode::kCancelled);
  EXPECT_FALSE(workers_->cancel(1));
  model_.open();
  EXPECT_EQ(book_.await(1).code, StatusCode::kOk);
}

TEST_F(SessionWorkersTest, tells_all_of_a_batch_that_its_run_failed) {
  start(options(2, milliseconds(10)));
  model_.end_runs(PuppetModel::Ending::kFails);
  offer(1);
  offer(2);
  for (const int key : {1, 2})
    EXPECT_EQ(book_.await(key).message, "the puppet fell");
  EXPECT_EQ(metrics_.failed.count(), 2U);
  EXPECT_EQ(metrics_.succeeded.count(), 0U);
  model_.end_runs(PuppetModel::Ending::kDone);
  EXPECT_EQ(infer({3, 4}).code, StatusCode::kOk);
}

TEST_F(SessionWorkersTest, survives_what_a_session_throws) {
  start(options(8));
  const std::pair<PuppetModel::Ending, std::string> cases[] = {
      {PuppetModel::Ending::kThrows, "the batch could not be run: the puppet was thrown"},
      {PuppetModel::Ending::kThrowsNoException,
       "the batch could not be run: the backend threw something unknown"}};
  int key = 0;
  for (const auto& [ending, message] : cases) {
    model_.end_runs(ending);
    offer(++key);
    EXPECT_EQ(book_.await(key).code, StatusCode::kInternal);
    EXPECT_EQ(book_.await(key).message, message);
    EXPECT_EQ(infer({1}).message, message);
    model_.end_runs(PuppetModel::Ending::kDone);
    EXPECT_EQ(infer({1}).code, StatusCode::kOk);
  }
}

TEST_F(SessionWorkersTest, refuses_a_blocking_call_from_a_completion) {
  start(options(8));
  const auto expect_refusal = [&] {
    const Answer answer = infer({2});
    EXPECT_EQ(answer.code, StatusCode::kFailedPrecondition);
    EXPECT_EQ(
        answer.message,
        "a completion must not wait for another request of the same model; submit it instead");
  };
  offer_then(1, expect_refusal);
  EXPECT_EQ(book_.await(1).code, StatusCode::kOk);
  EXPECT_EQ(infer({3}).code, StatusCode::kOk);
}

TEST_F(SessionWorkersTest, lets_a_completion_wait_for_another_model) {
  start(options(8));
  PuppetModel other_model;
  BatchingMetrics other_metrics;
  auto other = SessionWorkers::start(other_model, true, options(8), clock_, other_metrics);
  ASSERT_TRUE(other.ok());
  offer_then(1, [&] { EXPECT_TRUE((*other)->infer(request_of({2})).ok()); });
  EXPECT_EQ(book_.await(1).code, StatusCode::kOk);
}

TEST_F(SessionWorkersTest, takes_offers_from_a_completion) {
  start(options(8));
  offer_then(1, [&] { offer(2); });
  EXPECT_EQ(book_.await(2).code, StatusCode::kOk);
}

TEST_F(SessionWorkersTest, close_answers_the_last_incomplete_batch) {
  start(options(8, std::chrono::hours(1)));
  for (const int key : {1, 2, 3})
    offer(key);
  std::thread blocked = caller(4);
  while (metrics_.accepted.value() < 4)
    std::this_thread::yield();
  workers_->close();
  blocked.join();
  EXPECT_EQ(book_.total(), 4U);
  for (const int key : {1, 2, 3, 4}) {
    const Answer answer = book_.await(key);
    EXPECT_EQ(answer.code, StatusCode::kOk);
    EXPECT_EQ(answer.batch.reason, CloseReason::kDrain);
    EXPECT_EQ(answer.batch.rows, 4);
  }
  workers_->close();
}

TEST_F(SessionWorkersTest, refuses_everything_once_closed) {
  start(options(8));
  workers_->close();
  offer(1);
  EXPECT_EQ(book_.await(1).code, StatusCode::kUnavailable);
  EXPECT_EQ(infer({2}).code, StatusCode::kUnavailable);
  EXPECT_EQ(metrics_.refused.value(), 2U);
}

TEST_F(SessionWorkersTest, close_waits_for_callers_that_run_their_own) {
  start(options(8, milliseconds(0), 2));
  model_.hold();
  std::thread first = caller(1);
  std::thread second = caller(2);
  model_.await_runs(2);
  workers_->begin_close();
  std::atomic<bool> released = false;
  std::thread closer([&] {
    workers_->close();
    EXPECT_TRUE(released);
  });
  for (int i = 0; i < 2000; ++i)
    std::this_thread::yield();  // it may try to be too early
  released = true;
  model_.open();
  closer.join();
  first.join();
  second.join();
  EXPECT_EQ(book_.await(1).code, StatusCode::kOk);
  EXPECT_EQ(book_.await(2).code, StatusCode::kOk);
}

TEST_F(SessionWorkersTest, close_from_a_completion_only_begins) {
  start(options(8));
  model_.hold();
  offer_then(1, [&] { workers_->close(); });
  model_.await_runs(1);
  offer(2);
  model_.open();
  EXPECT_EQ(book_.await(1).code, StatusCode::kOk);
  EXPECT_EQ(book_.await(2).code, StatusCode::kOk);
  EXPECT_EQ(infer({3}).code, StatusCode::kUnavailable);
}

TEST_F(SessionWorkersTest, close_from_the_completion_of_an_expired_request_only_begins) {
  start(options(8));
  model_.hold();
  offer(1);
  model_.await_runs(1);
  auto request = std::make_unique<PendingRequest>(request_of({2}, in(milliseconds(1))));
  request->reply = Reply([&](const Result<InferResponse>& outcome) {
    workers_->close();
    book_.write(2, answer_of(outcome));
  });
  workers_->offer(std::move(request));
  clock_.advance(milliseconds(1));
  EXPECT_EQ(book_.await(2).code, StatusCode::kDeadlineExceeded);
  model_.open();
  EXPECT_EQ(book_.await(1).code, StatusCode::kOk);
}

TEST_F(SessionWorkersTest, close_from_the_completion_of_a_cancelled_request_only_begins) {
  start(options(8));
  model_.hold();
  offer(1);
  model_.await_runs(1);
  offer_then(2, [&] {
    workers_->close();
    EXPECT_EQ(infer({3}).code, StatusCode::kFailedPrecondition);
  });
  EXPECT_TRUE(workers_->cancel(2));
  EXPECT_EQ(book_.times(2), 1U);
  model_.open();
  EXPECT_EQ(book_.await(1).code, StatusCode::kOk);
  workers_->close();
}

TEST_F(SessionWorkersTest, knows_its_completions_through_those_of_others) {
  start(options(8));
  PuppetModel other_model;
  BatchingMetrics other_metrics;
  auto started = SessionWorkers::start(other_model, true, options(8), clock_, other_metrics);
  ASSERT_TRUE(started.ok());
  SessionWorkers& other = **started;
  other_model.hold();
  other.offer(std::make_unique<PendingRequest>(request_of({1})));
  other_model.await_runs(1);
  // Its cancel runs a completion of the other on this one's thread, which may not wait for this
  // one.
  auto request = std::make_unique<PendingRequest>(request_of({2}));
  request->request.ticket = 2;
  request->reply = Reply([&](const Result<InferResponse>&) {
    EXPECT_EQ(infer({3}).code, StatusCode::kFailedPrecondition);
  });
  other.offer(std::move(request));
  offer_then(4, [&] { EXPECT_TRUE(other.cancel(2)); });
  EXPECT_EQ(book_.await(4).code, StatusCode::kOk);
  EXPECT_EQ(infer({5}).code, StatusCode::kOk);
  other_model.open();
}

TEST_F(SessionWorkersTest, many_may_close_at_once) {
  start(options(8, std::chrono::hours(1)));
  offer(1);
  std::vector<std::thread> closers;
  closers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    closers.emplace_back([&] {
      workers_->close();
      EXPECT_EQ(book_.times(1), 1U);
    });
  }
  for (std::thread& closer : closers)
    closer.join();
}

TEST_F(SessionWorkersTest, says_which_failure_kept_a_session_from_being_made) {
  model_.fail_session(1);
  const auto failed = SessionWorkers::start(model_, true, options(8, {}, 3), clock_, metrics_);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().to_string(), "UNAVAILABLE: the puppet has no more strings");
  for (const auto& life : model_.lives())
    EXPECT_NE(life.ended_on, std::thread::id());
}

TEST_F(SessionWorkersTest, survives_what_the_making_of_a_session_throws) {
  model_.throw_from_session(0);
  const auto failed = SessionWorkers::start(model_, true, options(8, {}, 2), clock_, metrics_);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().to_string(),
            "INTERNAL: a session could not be made: the strings broke");
}

class ThreadBoundSessions : public ::testing::Test {
 protected:
  static constexpr std::size_t kSessions = 3;

  void expect_lives_on_their_own_threads() {
    std::vector<std::thread::id> threads;
    for (const testing::PuppetSessionLife& life : model_.lives()) {
      EXPECT_NE(life.made_on, std::this_thread::get_id());
      EXPECT_EQ(life.ended_on, life.made_on);
      for (const std::thread::id ran_on : life.ran_on)
        EXPECT_EQ(ran_on, life.made_on);
      EXPECT_EQ(std::ranges::count(threads, life.made_on), 0);
      threads.push_back(life.made_on);
    }
  }

  FakeClock clock_;
  PuppetModel model_{true};
  BatchingMetrics metrics_;
};

TEST_F(ThreadBoundSessions, live_and_die_on_one_thread_each) {
  model_.hold();
  AnswerBook book;
  auto workers = SessionWorkers::start(model_, true, options(1, {}, kSessions), clock_, metrics_);
  ASSERT_TRUE(workers.ok());
  // Each runner has one run under way, so each has run.
  for (int key = 0; key < static_cast<int>(kSessions); ++key) {
    (*workers)->offer(book.pending(key, request_of({key})));
    model_.await_runs(static_cast<std::size_t>(key) + 1);
  }
  model_.open();
  const Answer answer = answer_of((*workers)->infer(request_of({7})));
  EXPECT_EQ(answer.numbers, Numbers({1007}));
  workers->reset();
  EXPECT_EQ(book.total(), kSessions);
  ASSERT_EQ(model_.lives().size(), kSessions);
  for (const auto& life : model_.lives())
    EXPECT_GE(life.ran_on.size(), 1U);
  expect_lives_on_their_own_threads();
}

TEST_F(ThreadBoundSessions, die_on_their_threads_where_one_could_not_be_made) {
  model_.fail_session(kSessions - 1);
  const auto failed =
      SessionWorkers::start(model_, true, options(1, {}, kSessions), clock_, metrics_);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(model_.lives().size(), kSessions - 1);
  expect_lives_on_their_own_threads();
}

// Time stands still but for the walk's own steps, so a wake-up that got lost would never be made up
// for: what is due by then must be answered.
class SessionWorkersWalk : public ::testing::TestWithParam<bool> {};

TEST_P(SessionWorkersWalk, loses_no_wake_up) {
  constexpr std::uint32_t kWalks = 20;
  constexpr int kRounds = 20;
  for (std::uint32_t seed = 0; seed < kWalks; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 engine(seed);
    const auto random = [&](int bound) {
      return static_cast<int>(engine() % static_cast<std::uint32_t>(bound));
    };
    FakeClock clock;
    PuppetModel model(GetParam());
    AnswerBook book;
    BatchingMetrics metrics;
    const QueueOptions queue =
        options(1 + random(6), milliseconds(10), static_cast<std::size_t>(1 + random(3)));
    auto started = SessionWorkers::start(model, true, queue, clock, metrics);
    ASSERT_TRUE(started.ok());
    SessionWorkers& workers = **started;
    int key = 0;
    for (int round = 0; round < kRounds; ++round) {
      for (int offers = random(12); offers > 0; --offers) {
        const milliseconds left(1 + random(15));
        const TimePoint deadline = random(3) == 0 ? clock.now() + left : kNoDeadline;
        PendingRequestPtr request = book.pending(key, request_of({key}, deadline));
        request->row_key = 1 + static_cast<std::uint64_t>(random(3));
        request->request.ticket = static_cast<RequestTicket>(++key);
        workers.offer(std::move(request));
        if (random(6) == 0) workers.cancel(1 + static_cast<RequestTicket>(random(key)));
        if (random(4) == 0) clock.advance(milliseconds(random(6)));
      }
      clock.advance(milliseconds(10));
      book.await_total(static_cast<std::size_t>(key));
    }
    workers.close();
    for (int one = 0; one < key; ++one)
      EXPECT_EQ(book.times(one), 1U);
  }
}

INSTANTIATE_TEST_SUITE_P(Sessions, SessionWorkersWalk, ::testing::Bool(),
                         [](const auto& bound) { return bound.param ? "bound" : "free"; });

// Real threads on the real clock: callers that block, completions and a close in the middle.
class SessionWorkersStorm : public ::testing::TestWithParam<bool> {};

TEST_P(SessionWorkersStorm, gives_everybody_their_own_answer) {
  constexpr int kCallers = 12;
  constexpr int kCalls = 200;
  for (const int delay_us : {0, 50}) {
    PuppetModel model(GetParam());
    AnswerBook book;
    BatchingMetrics metrics;
    QueueOptions queue = options(8, {}, 2);
    queue.limits.max_queue_delay = std::chrono::microseconds(delay_us);
    auto started = SessionWorkers::start(model, true, queue, steady_clock(), metrics);
    ASSERT_TRUE(started.ok());
    SessionWorkers& workers = **started;
    std::atomic<int> begun = 0;
    std::vector<std::thread> callers;
    callers.reserve(kCallers);
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([&, i] {
        for (int j = 0; j < kCalls; ++j) {
          const int key = i * kCalls + j;
          ++begun;
          if (key % 3 == 0) {
            workers.offer(book.pending(key, request_of({key})));
          } else {
            book.write(key, answer_of(workers.infer(request_of({key}))));
          }
        }
      });
    }
    while (begun < kCallers * kCalls * 3 / 4)
      std::this_thread::yield();
    workers.close();
    for (std::thread& caller : callers)
      caller.join();
    ASSERT_EQ(book.total(), static_cast<std::size_t>(kCallers * kCalls));
    for (int key = 0; key < kCallers * kCalls; ++key) {
      ASSERT_EQ(book.times(key), 1U);
      const Answer answer = book.await(key);
      if (answer.code == StatusCode::kUnavailable) continue;
      ASSERT_EQ(answer.numbers, Numbers({key + testing::kPuppetAdds})) << answer.message;
    }
    EXPECT_EQ(metrics.accepted.value(), metrics.succeeded.count());
    EXPECT_EQ(metrics.accepted.value() + metrics.refused.value(), book.total());
  }
}

INSTANTIATE_TEST_SUITE_P(Sessions, SessionWorkersStorm, ::testing::Bool(),
                         [](const auto& bound) { return bound.param ? "bound" : "free"; });

}  // namespace
}  // namespace muster
