// SPDX-License-Identifier: Apache-2.0
#include "serving/served_model.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "serving/testing/served_model_fixture.h"

namespace muster::testing {
namespace {

using std::chrono::milliseconds;

using Shapes = std::vector<std::vector<Shape>>;

TEST_F(ServedModelTest, answers_one_request) {
  open(linear_model(), "");
  const Outcome outcome = served_->infer(linear_request(3, 4, "first"));
  EXPECT_EQ(values(outcome), linear(3, 4));
  EXPECT_EQ(outcome->id, "first");
  EXPECT_EQ(outcome->outputs.size(), 1U);
  EXPECT_EQ(outcome->outputs[0].tensor.shape(), (Shape{1, 2}));
  EXPECT_EQ(outcome->batch.rows, 1);
  EXPECT_EQ(outcome->batch.requests, 1);
}

TEST_F(ServedModelTest, answers_requests_of_several_rows) {
  open(linear_model(), kAtOnce);
  const Outcome outcome = submit(request_of("x", floats({3, 2}, {1, 2, 3, 4, 5, 6}))).get();
  EXPECT_EQ(values(outcome), (std::vector<float>{1, 2, 3, 5, 5, 8}));
}

TEST_F(ServedModelTest, makes_batches_of_what_many_threads_ask) {
  open(linear_model(), kBatchesOf4);
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([this, i] {
      const auto number = static_cast<float>(i);
      const Outcome outcome = served_->infer(linear_request(number, -number, std::to_string(i)));
      EXPECT_EQ(values(outcome), linear(number, -number));
      EXPECT_EQ(outcome->id, std::to_string(i));
      EXPECT_EQ(outcome->batch.rows, 4);
      EXPECT_EQ(outcome->batch.requests, 4);
      EXPECT_EQ(outcome->batch.reason, CloseReason::kFull);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(model_->runs(), Shapes(4, {Shape{4, 2}}));
  const ServiceStatistics totals = served_->statistics();
  EXPECT_EQ(totals.requests_succeeded, 16U);
  EXPECT_EQ(totals.rows, 16U);
  EXPECT_EQ(totals.batches_by_rows, (std::map<std::int64_t, std::uint64_t>{{4, 4}}));
  EXPECT_EQ(batches_closed_by(CloseReason::kFull), 4U);
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, gives_each_request_its_own_rows) {
  open(linear_model(), kBatchesOf4);
  auto one = submit(request_of("x", floats({1, 2}, {1, 2})));
  auto two = submit(request_of("x", floats({2, 2}, {3, 4, 5, 6})));
  auto last = submit(request_of("x", floats({1, 2}, {7, 8})));
  EXPECT_EQ(values(one.get()), (std::vector<float>{1, 2}));
  EXPECT_EQ(values(two.get()), (std::vector<float>{3, 5, 5, 8}));
  EXPECT_EQ(values(last.get()), (std::vector<float>{7, 11}));
  EXPECT_EQ(model_->runs(), (Shapes{{Shape{4, 2}}}));
}

TEST_F(ServedModelTest, runs_an_incomplete_batch_when_the_delay_is_over) {
  open(linear_model(), kBatchesOf4);
  auto first = submit(linear_request(1, 1));
  auto second = submit(linear_request(2, 2));
  clock_.advance(kLong - milliseconds(1));
  EXPECT_EQ(model_->runs(), Shapes{});
  clock_.advance(milliseconds(1));
  const Outcome outcome = first.get();
  EXPECT_EQ(values(outcome), linear(1, 1));
  EXPECT_EQ(outcome->batch.reason, CloseReason::kDelay);
  EXPECT_EQ(outcome->batch.queue, kLong);
  EXPECT_EQ(values(second.get()), linear(2, 2));
  EXPECT_EQ(model_->runs(), (Shapes{{Shape{2, 2}}}));
}

TEST_F(ServedModelTest, runs_a_batch_of_a_preferred_size_at_once) {
  open(linear_model(),
       "max_batch_size: 8 dynamic_batching { preferred_batch_size: [3] "
       "max_queue_delay_microseconds: 3600000000 }");
  std::vector<std::future<Outcome>> pending;
  for (int i = 0; i < 3; ++i)
    pending.push_back(submit(linear_request(1, 1)));
  EXPECT_EQ(pending[0].get()->batch.reason, CloseReason::kPreferred);
}

TEST_F(ServedModelTest, runs_one_by_one_what_the_configuration_does_not_batch) {
  open(linear_model(), "max_batch_size: 4");
  auto held = submit_and_hold(linear_request(0, 0));
  auto first = submit(linear_request(1, 1));
  auto second = submit(linear_request(2, 2));
  model_->gate.open();
  EXPECT_EQ(held.get()->batch.requests, 1);
  EXPECT_EQ(values(first.get()), linear(1, 1));
  EXPECT_EQ(values(second.get()), linear(2, 2));
  EXPECT_EQ(model_->runs(), Shapes(3, {Shape{1, 2}}));
}

TEST_F(ServedModelTest, never_mixes_rows_of_different_shapes) {
  open(total_model(), kBatchesOf4);
  auto two_a = submit(request_of("words", floats({1, 2}, {1, 2})));
  auto three_a = submit(request_of("words", floats({1, 3}, {1, 2, 3})));
  auto two_b = submit(request_of("words", floats({2, 2}, {10, 20, 30, 40})));
  auto three_b = submit(request_of("words", floats({1, 3}, {10, 20, 30})));
  clock_.advance(kLong);
  EXPECT_EQ(values(two_a.get(), "total"), (std::vector<float>{3}));
  EXPECT_EQ(values(three_a.get(), "total"), (std::vector<float>{6}));
  EXPECT_EQ(values(two_b.get(), "total"), (std::vector<float>{30, 70}));
  EXPECT_EQ(values(three_b.get(), "total"), (std::vector<float>{60}));
  EXPECT_EQ(model_->runs(), (Shapes{{Shape{3, 2}}, {Shape{2, 3}}}));
}

TEST_F(ServedModelTest, batches_strings) {
  open(echo_model(), kBatchesOf4);
  const auto strings = [](std::vector<std::string_view> words) {
    const auto rows = static_cast<std::int64_t>(words.size());
    return request_of("text", *Tensor::of_strings({rows, 1}, words));
  };
  auto first = submit(strings({"a"}));
  auto second = submit(strings({"", "long", "x"}));
  const Outcome one = first.get();
  const Outcome three = second.get();
  ASSERT_TRUE(one.ok() && three.ok());
  EXPECT_EQ(*bytes_elements(one->find("twice")->view()), (std::vector<std::string_view>{"aa"}));
  EXPECT_EQ(*bytes_elements(three->find("twice")->view()),
            (std::vector<std::string_view>{"", "longlong", "xx"}));
  EXPECT_EQ(model_->runs().size(), 1U);
}

InferRequest arithmetic_request(std::vector<float> a, std::vector<float> b) {
  const auto rows = static_cast<std::int64_t>(b.size());
  InferRequest request;
  request.add_input("b", floats({rows, 1}, b));  // in another order than the model's
  request.add_input("a", floats({rows, 2}, a));
  return request;
}

TEST_F(ServedModelTest, serves_several_inputs_and_outputs) {
  open(arithmetic_model(), "max_batch_size: 4");
  const Outcome outcome = served_->infer(arithmetic_request({1, 2, 3, 4}, {10, 20}));
  EXPECT_EQ(values(outcome, "sum"), (std::vector<float>{11, 12, 23, 24}));
  EXPECT_EQ(values(outcome, "difference"), (std::vector<float>{-9, -8, -17, -16}));
  EXPECT_EQ(values(outcome, "largest"), (std::vector<float>{4}));
  EXPECT_EQ(outcome->outputs[1].name, "largest");
}

TEST_F(ServedModelTest, gives_the_outputs_that_were_asked_for_in_their_order) {
  open(arithmetic_model(), "max_batch_size: 4");
  InferRequest request = arithmetic_request({1, 2}, {10});
  request.outputs = {"difference", "sum"};
  const Outcome outcome = served_->infer(std::move(request));
  ASSERT_TRUE(outcome.ok());
  ASSERT_EQ(outcome->outputs.size(), 2U);
  EXPECT_EQ(outcome->outputs[0].name, "difference");
  EXPECT_EQ(outcome->outputs[1].name, "sum");
}

constexpr std::string_view kTwoOfThree = R"(
  max_batch_size: 4
  dynamic_batching { max_queue_delay_microseconds: 3600000000 }
  output { name: "difference" data_type: TYPE_FP32 dims: [2] }
  output { name: "sum" data_type: TYPE_FP32 dims: [2] })";

TEST_F(ServedModelTest, gives_the_outputs_that_the_configuration_lists) {
  open(arithmetic_model(), kTwoOfThree);
  auto first = submit(arithmetic_request({1, 2, 3, 4}, {10, 20}));
  auto second = submit(arithmetic_request({5, 6, 7, 8}, {30, 40}));
  const Outcome outcome = first.get();
  ASSERT_TRUE(outcome.ok()) << error(outcome);
  ASSERT_EQ(outcome->outputs.size(), 2U);
  EXPECT_EQ(outcome->find("largest"), nullptr);
  EXPECT_EQ(values(outcome, "sum"), (std::vector<float>{11, 12, 23, 24}));
  EXPECT_EQ(values(second.get(), "difference"), (std::vector<float>{-25, -24, -33, -32}));
}

TEST_F(ServedModelTest, batches_where_only_an_output_that_is_not_served_does_not_follow_the_rows) {
  open(arithmetic_model(), kTwoOfThree);
  EXPECT_TRUE(served_->description()->config.dynamic_batching);
}

TEST_F(ServedModelTest, refuses_an_output_that_the_configuration_leaves_out) {
  open(arithmetic_model(), kTwoOfThree);
  InferRequest request = arithmetic_request({1, 2}, {10});
  request.outputs = {"largest"};
  EXPECT_EQ(error(served_->infer(std::move(request))),
            "INVALID_ARGUMENT: model 'model' has no output 'largest'; its outputs are 'sum', "
            "'difference'");
}

TEST_F(ServedModelTest, does_not_batch_a_model_whose_outputs_do_not_follow_the_rows) {
  open(arithmetic_model(), kAtOnce);
  EXPECT_FALSE(served_->description()->config.dynamic_batching);
  auto held = submit_and_hold(arithmetic_request({1, 2}, {10}));
  auto first = submit(arithmetic_request({3, 4}, {10}));
  auto second = submit(arithmetic_request({5, 6}, {10}));
  model_->gate.open();
  EXPECT_EQ(values(held.get(), "largest"), (std::vector<float>{2}));
  EXPECT_EQ(values(first.get(), "largest"), (std::vector<float>{4}));
  EXPECT_EQ(values(second.get(), "largest"), (std::vector<float>{6}));
}

TEST_F(ServedModelTest, serves_a_model_without_a_batch_axis) {
  open(fixed_model(), "");
  EXPECT_FALSE(served_->stacked());
  auto held = submit_and_hold(request_of("in", floats({3}, {1, 2, 3})));
  auto other = submit(request_of("in", floats({3}, {4, 5, 6})));
  model_->gate.open();
  EXPECT_EQ(values(held.get(), "out"), (std::vector<float>{-1, -2, -3}));
  EXPECT_EQ(values(other.get(), "out"), (std::vector<float>{-4, -5, -6}));
  EXPECT_EQ(error(served_->infer(request_of("in", floats({1, 3}, {1, 2, 3})))),
            "INVALID_ARGUMENT: input 'in' of model 'model': shape [3] expected (-1 = any), [1,3] "
            "given");
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, hands_nan_and_infinity_through) {
  open(linear_model(), kBatchesOf4);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto bad = submit(linear_request(nan, 0));
  auto infinite = submit(linear_request(std::numeric_limits<float>::infinity(), 0));
  auto good = submit(linear_request(1, 2));
  clock_.advance(kLong);
  const Outcome outcome = bad.get();
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(std::isnan(values(outcome)[0]));
  EXPECT_TRUE(std::isinf(values(infinite.get())[0]));
  EXPECT_EQ(values(good.get()), linear(1, 2));
}

TEST_F(ServedModelTest, refuses_what_does_not_fit_without_troubling_the_others) {
  open(linear_model(), kBatchesOf4);
  auto first = submit(linear_request(1, 1));
  EXPECT_EQ(error(submit(request_of("x", floats({1, 3}, {1, 2, 3}))).get()),
            "INVALID_ARGUMENT: input 'x' of model 'model': shape [-1,2] expected (-1 = any), [1,3] "
            "given");
  EXPECT_EQ(error(served_->infer(InferRequest())),
            "INVALID_ARGUMENT: input 'x' of model 'model' is missing");
  clock_.advance(kLong);
  EXPECT_EQ(values(first.get()), linear(1, 1));
  EXPECT_EQ(served_->statistics().requests_refused, 2U);
  EXPECT_EQ(served_->statistics().requests_accepted, 1U);
}

TEST_F(ServedModelTest, refuses_a_request_for_another_model) {
  open(linear_model(), "");
  InferRequest request = linear_request(1, 1);
  request.model = "other\n";
  EXPECT_EQ(error(served_->infer(std::move(request))),
            "NOT_FOUND: there is no model 'other\\x0a' here, only 'model'");
  EXPECT_EQ(served_->statistics().requests_refused, 1U);
  request = linear_request(1, 1);
  request.model = "model";
  EXPECT_TRUE(served_->infer(std::move(request)).ok());
}

TEST_F(ServedModelTest, gives_the_sessions_failure_to_each_request_of_its_batch) {
  open(linear_model(), kBatchesOf4);
  const auto compute = model_->compute;
  model_->compute = [](const Inputs&) -> Result<Outputs> {
    return resource_exhausted("out of ink");
  };
  auto first = submit(linear_request(1, 1));
  auto second = submit(linear_request(2, 2));
  clock_.advance(kLong);
  EXPECT_EQ(error(first.get()), "RESOURCE_EXHAUSTED: out of ink");
  EXPECT_EQ(error(second.get()), "RESOURCE_EXHAUSTED: out of ink");

  model_->compute = compute;
  auto third = submit(linear_request(3, 3));
  clock_.advance(kLong);
  EXPECT_EQ(values(third.get()), linear(3, 3));
  EXPECT_EQ(served_->statistics().requests_failed, 2U);
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, makes_a_status_of_what_a_session_throws) {
  open(linear_model(), kBatchesOf4);
  model_->compute = [](const Inputs&) -> Result<Outputs> { throw std::runtime_error("broken"); };
  auto first = submit(linear_request(1, 1));
  auto second = submit(linear_request(2, 2));
  clock_.advance(kLong);
  EXPECT_EQ(error(first.get()), "INTERNAL: the batch could not be run: broken");
  EXPECT_EQ(error(second.get()), "INTERNAL: the batch could not be run: broken");
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, makes_a_status_of_what_a_session_throws_at_the_caller) {
  open(linear_model(), "");
  model_->compute = [](const Inputs&) -> Result<Outputs> { throw std::runtime_error("broken"); };
  EXPECT_EQ(error(served_->infer(linear_request(1, 1))),
            "INTERNAL: the batch could not be run: broken");
}

TEST_F(ServedModelTest, gives_a_failure_to_take_inputs_to_each_request) {
  open(linear_model(), kBatchesOf4);
  model_->prepare_outcome = resource_exhausted("no room");
  auto first = submit(linear_request(1, 1));
  auto second = submit(linear_request(2, 2));
  clock_.advance(kLong);
  EXPECT_EQ(error(first.get()), "RESOURCE_EXHAUSTED: no room");
  EXPECT_EQ(error(second.get()), "RESOURCE_EXHAUSTED: no room");
}

TEST_F(ServedModelTest, fails_a_batch_whose_output_lost_rows) {
  open(linear_model(), kBatchesOf4);
  model_->compute = [](const Inputs&) -> Result<Outputs> {
    Outputs outputs;
    outputs.push_back(floats({1, 2}, {1, 2}));
    return outputs;
  };
  auto first = submit(linear_request(1, 1));
  auto second = submit(linear_request(2, 2));
  clock_.advance(kLong);
  for (auto* pending : {&first, &second}) {
    EXPECT_EQ(error(pending->get()),
              "INTERNAL: output 'y' has shape [1,2] for a batch of 2 rows, so its rows cannot be "
              "given to their requests");
  }
}

TEST_F(ServedModelTest, fails_where_an_output_is_missing) {
  open(linear_model(), "");
  model_->compute = [](const Inputs&) -> Result<Outputs> { return Outputs(); };
  EXPECT_EQ(error(served_->infer(linear_request(1, 1))), "INTERNAL: no such output");
}

TEST_F(ServedModelTest, runs_what_waits_when_it_is_closed) {
  open(linear_model(), kBatchesOf4);
  auto first = submit(linear_request(1, 1));
  auto second = submit(linear_request(2, 2));
  served_->close();
  const Outcome outcome = first.get();
  EXPECT_EQ(values(outcome), linear(1, 1));
  EXPECT_EQ(outcome->batch.reason, CloseReason::kDrain);
  EXPECT_EQ(values(second.get()), linear(2, 2));
  EXPECT_EQ(error(submit(linear_request(3, 3)).get()),
            "UNAVAILABLE: the model is closing and takes no more requests");
  EXPECT_EQ(error(served_->infer(linear_request(3, 3))),
            "UNAVAILABLE: the model is closing and takes no more requests");
  served_->close();
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, answers_what_waits_when_it_is_destroyed) {
  open(linear_model(), kBatchesOf4);
  auto first = submit(linear_request(1, 1));
  served_.reset();
  EXPECT_EQ(values(first.get()), linear(1, 1));
  EXPECT_EQ(model_->sessions, 0);
}

TEST_F(ServedModelTest, closes_while_a_batch_runs_and_others_wait) {
  open(linear_model(), kAtOnce);
  auto held = submit_and_hold(linear_request(0, 0));
  std::vector<std::future<Outcome>> waiting;
  for (int i = 1; i <= 6; ++i)
    waiting.push_back(submit(linear_request(static_cast<float>(i), 0)));
  std::thread first_closer([this] { served_->close(); });
  std::thread second_closer([this] { served_->close(); });
  model_->gate.open();
  first_closer.join();
  second_closer.join();
  EXPECT_EQ(values(held.get()), linear(0, 0));
  for (int i = 1; i <= 6; ++i) {
    EXPECT_EQ(values(waiting[static_cast<std::size_t>(i - 1)].get()),
              linear(static_cast<float>(i), 0));
  }
  EXPECT_EQ(served_->statistics().requests_succeeded, 7U);
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, only_begins_to_close_on_the_thread_of_a_completion) {
  open(linear_model(), kAtOnce);
  std::promise<void> done;
  served_->infer(linear_request(1, 1), [&](const Outcome&) {
    served_->close();
    done.set_value();
  });
  done.get_future().get();
  EXPECT_EQ(submit(linear_request(1, 1)).get().status().code(), StatusCode::kUnavailable);
}

TEST_F(ServedModelTest, takes_another_request_from_a_completion) {
  open(linear_model(), kAtOnce);
  std::promise<Outcome> second;
  served_->infer(linear_request(1, 1), [&](const Outcome&) {
    served_->infer(linear_request(2, 2),
                   [&](Outcome outcome) { second.set_value(std::move(outcome)); });
  });
  EXPECT_EQ(values(second.get_future().get()), linear(2, 2));
}

TEST_F(ServedModelTest, does_not_let_a_completion_wait_for_its_own_worker) {
  open(linear_model(), kAtOnce);
  std::promise<std::string> said;
  served_->infer(linear_request(1, 1), [&](const Outcome&) {
    said.set_value(error(served_->infer(linear_request(2, 2))));
  });
  EXPECT_EQ(said.get_future().get(),
            "FAILED_PRECONDITION: a completion must not wait for another request of the same "
            "model; submit it instead");
}

TEST_F(ServedModelTest, cancels_what_waits_and_nothing_else) {
  open(linear_model(), kAtOnce);
  InferRequest running = linear_request(0, 0);
  const RequestTicket running_ticket = running.ticket = new_ticket();
  auto held = submit_and_hold(std::move(running));
  InferRequest request = linear_request(1, 1);
  const RequestTicket ticket = request.ticket = new_ticket();
  auto waiting = submit(std::move(request));
  auto without_ticket = submit(linear_request(2, 2));

  EXPECT_FALSE(served_->cancel(0));
  EXPECT_FALSE(served_->cancel(new_ticket()));
  EXPECT_FALSE(served_->cancel(running_ticket));
  EXPECT_TRUE(served_->cancel(ticket));
  EXPECT_EQ(error(waiting.get()), "CANCELLED: the request was cancelled while it waited");
  EXPECT_FALSE(served_->cancel(ticket));

  model_->gate.open();
  EXPECT_EQ(values(held.get()), linear(0, 0));
  EXPECT_EQ(values(without_ticket.get()), linear(2, 2));
  EXPECT_FALSE(served_->cancel(running_ticket));
  served_->close();
  EXPECT_EQ(served_->statistics().requests_cancelled, 1U);
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, answers_at_the_deadline_while_everybody_is_busy) {
  open(linear_model(), kAtOnce);
  auto held = submit_and_hold(linear_request(0, 0));
  InferRequest request = linear_request(1, 1);
  request.deadline = clock_.now() + milliseconds(5);
  auto late = submit(std::move(request));
  clock_.advance(milliseconds(5));
  EXPECT_EQ(error(late.get()),
            "DEADLINE_EXCEEDED: the deadline came before the request could be run");
  model_->gate.open();
  EXPECT_EQ(values(held.get()), linear(0, 0));
  served_->close();
  EXPECT_EQ(served_->statistics().requests_expired, 1U);
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, refuses_to_begin_behind_the_deadline) {
  open(linear_model(), "");
  for (const auto deadline : {clock_.now(), clock_.now() - milliseconds(1), TimePoint::min()}) {
    InferRequest request = linear_request(1, 1);
    request.deadline = deadline;
    EXPECT_EQ(served_->infer(std::move(request)).status().code(), StatusCode::kDeadlineExceeded);
  }
  EXPECT_EQ(model_->runs(), Shapes{});
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, does_not_let_the_delay_outlast_a_deadline) {
  open(linear_model(), kBatchesOf4);
  InferRequest request = linear_request(1, 1);
  request.deadline = clock_.now() + milliseconds(5);
  const Outcome outcome = submit(std::move(request)).get();
  EXPECT_EQ(values(outcome), linear(1, 1));
  EXPECT_EQ(outcome->batch.reason, CloseReason::kDeadline);
}

TEST_F(ServedModelTest, gives_every_request_the_timeout_of_the_configuration) {
  open(linear_model(),
       "max_batch_size: 4 dynamic_batching { default_queue_policy { "
       "default_timeout_microseconds: 5000 } }");
  auto held = submit_and_hold(linear_request(0, 0));
  auto late = submit(linear_request(1, 1));
  InferRequest request = linear_request(2, 2);
  request.deadline = clock_.now() + milliseconds(1);
  auto earlier = submit(std::move(request));
  clock_.advance(milliseconds(1));
  EXPECT_EQ(earlier.get().status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(late.wait_for(milliseconds(0)), std::future_status::timeout);
  clock_.advance(milliseconds(4));
  EXPECT_EQ(late.get().status().code(), StatusCode::kDeadlineExceeded);
  model_->gate.open();
  EXPECT_EQ(values(held.get()), linear(0, 0));
}

TEST_F(ServedModelTest, refuses_when_its_queue_is_full) {
  open(linear_model(),
       "max_batch_size: 4 dynamic_batching { default_queue_policy { max_queue_size: 2 } }");
  auto held = submit_and_hold(linear_request(0, 0));
  auto first = submit(linear_request(1, 1));
  auto second = submit(linear_request(2, 2));
  EXPECT_EQ(error(submit(linear_request(3, 3)).get()),
            "RESOURCE_EXHAUSTED: the queue is full: 2 requests wait (max_queue_size)");
  EXPECT_EQ(error(served_->infer(linear_request(3, 3))),
            "RESOURCE_EXHAUSTED: the queue is full: 2 requests wait (max_queue_size)");
  model_->gate.open();
  for (auto* pending : {&held, &first, &second})
    EXPECT_TRUE(pending->get().ok());
  served_->close();
  EXPECT_EQ(served_->statistics().requests_refused, 2U);
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, adds_its_statistics_up_whatever_becomes_of_requests) {
  open(linear_model(), kAtOnce);
  auto held = submit_and_hold(linear_request(0, 0));
  std::vector<std::future<Outcome>> pending;
  std::vector<RequestTicket> tickets;
  for (int i = 0; i < 12; ++i) {
    InferRequest request = linear_request(static_cast<float>(i), 1);
    tickets.push_back(request.ticket = new_ticket());
    if (i % 3 == 1) request.deadline = clock_.now() + milliseconds(i);
    pending.push_back(submit(std::move(request)));
  }
  for (std::size_t i = 2; i < 12; i += 3)
    EXPECT_TRUE(served_->cancel(tickets[i]));
  clock_.advance(milliseconds(12));
  for (std::size_t i = 1; i < 12; i += 3)
    EXPECT_FALSE(pending[i].get().ok());
  model_->gate.open();
  for (std::size_t i = 0; i < 12; i += 3)
    EXPECT_TRUE(pending[i].get().ok());
  EXPECT_TRUE(held.get().ok());
  EXPECT_FALSE(served_->infer(InferRequest()).ok());
  served_->close();
  const ServiceStatistics totals = served_->statistics();
  EXPECT_EQ(totals.requests_accepted, 13U);
  EXPECT_EQ(totals.requests_succeeded, 5U);
  EXPECT_EQ(totals.requests_expired, 4U);
  EXPECT_EQ(totals.requests_cancelled, 4U);
  EXPECT_EQ(totals.requests_refused, 1U);
  expect_that_statistics_add_up();
}

TEST_F(ServedModelTest, keeps_each_session_on_its_thread_where_the_model_asks_for_that) {
  auto model = linear_model();
  model->thread_bound = true;
  ServiceOptions options;
  options.instance_count = 2;
  open(std::move(model), kBatchesOf4, options);
  EXPECT_EQ(model_->sessions, 2);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      const auto number = static_cast<float>(i);
      EXPECT_EQ(values(served_->infer(linear_request(number, 1))), linear(number, 1));
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  served_.reset();
  EXPECT_EQ(model_->sessions, 0);
}

TEST_F(ServedModelTest, runs_as_many_batches_side_by_side_as_it_has_instances) {
  ServiceOptions options;
  options.instance_count = 3;
  open(linear_model(), "max_batch_size: 1", options);
  model_->gate.shut();
  std::vector<std::future<Outcome>> pending;
  for (int i = 0; i < 3; ++i)
    pending.push_back(submit(linear_request(static_cast<float>(i), 0)));
  model_->gate.await_standing(3);
  model_->gate.open();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(values(pending[static_cast<std::size_t>(i)].get()), linear(static_cast<float>(i), 0));
  }
}

}  // namespace
}  // namespace muster::testing
