// SPDX-License-Identifier: Apache-2.0
// What a service answers whose models do not change while it runs.
#include "serving/local_service.h"

#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "serving/testing/local_service_fixture.h"

namespace muster::testing {
namespace {

class LocalServiceUnchanged : public LocalServiceTest {};

TEST_F(LocalServiceUnchanged, serves_every_model_by_name) {
  put("one", 1, "scale 1");
  put("two", 1, "scale 2");
  start();
  EXPECT_EQ(answer("one"), "1");
  EXPECT_EQ(answer("two"), "2");
  EXPECT_EQ(index(), "one 1 READY; two 1 READY");
  EXPECT_TRUE(service_->ready());
}

TEST_F(LocalServiceUnchanged, gives_every_model_the_thread_budget_divided_by_its_instances) {
  options_.thread_budget = 6;
  put("alone", 1, "scale 1");
  start();
  EXPECT_EQ(backend_->newest_model()->loaded_threads, 6);
  EXPECT_TRUE(backend_->newest_model()->loaded_pooled);
}

TEST_F(LocalServiceUnchanged, counts_the_instances_of_a_configuration_against_the_thread_budget) {
  options_.thread_budget = 6;
  put("three", 1, "scale 1");
  directory_.write("three/config.pbtxt", "instance_group { count: 3 }");
  start();
  EXPECT_EQ(backend_->newest_model()->loaded_threads, 2);
  EXPECT_TRUE(backend_->newest_model()->loaded_pooled);
}

TEST_F(LocalServiceUnchanged, has_no_use_for_the_pool_where_each_instance_has_one_thread) {
  options_.thread_budget = 1;
  put("m", 1, "scale 1");
  start();
  EXPECT_EQ(backend_->newest_model()->loaded_threads, 1);
  EXPECT_FALSE(backend_->newest_model()->loaded_pooled);
}

TEST_F(LocalServiceUnchanged, serves_the_newest_version_alone_where_nothing_else_is_said) {
  put("m", 1, "scale 1");
  put("m", 10, "scale 10");
  put("m", 9, "scale 9");
  start();
  EXPECT_EQ(answer("m"), "10");
  EXPECT_EQ(answer("m", 9), "NOT_FOUND: there is no version 9 of model 'm'");
  EXPECT_EQ(*service_->versions("m"), (std::vector<std::int64_t>{10}));
}

TEST_F(LocalServiceUnchanged, serves_several_versions_side_by_side) {
  put("m", 1, "scale 1");
  put("m", 2, "scale 2");
  put("m", 3, "scale 3");
  directory_.write("m/config.pbtxt", "version_policy { latest { num_versions: 2 } }");
  start();
  EXPECT_EQ(answer("m"), "3");
  EXPECT_EQ(answer("m", 2), "2");
  EXPECT_EQ(answer("m", 1).substr(0, 9), "NOT_FOUND");
  EXPECT_EQ(*service_->versions("m"), (std::vector<std::int64_t>{2, 3}));
}

TEST_F(LocalServiceUnchanged, says_which_model_and_version_answered) {
  put("m", 7, "scale 1");
  start();
  const Outcome outcome = submit("m").get();
  ASSERT_TRUE(outcome.ok());
  ASSERT_NE(outcome->model, nullptr);
  EXPECT_EQ(outcome->model->config.name, "m");
  EXPECT_EQ(outcome->model->version, 7);
}

TEST_F(LocalServiceUnchanged, takes_the_only_model_where_the_request_names_none) {
  put("m", 1, "scale 4");
  start();
  EXPECT_EQ(answer(""), "4");
  EXPECT_TRUE(service_->describe("", 0).ok());
}

TEST_F(LocalServiceUnchanged, serves_a_folder_that_holds_its_model_file_itself) {
  directory_.write("m/model.onnx", "scale 5");
  start();
  EXPECT_EQ(answer("m", 1), "5");
}

TEST_F(LocalServiceUnchanged, serves_the_others_where_one_is_broken) {
  put("bad", 1, "broken no such operator");
  put("good", 1, "scale 2");
  start();
  EXPECT_EQ(answer("good"), "2");
  EXPECT_EQ(answer("bad"), "UNAVAILABLE: model 'bad' is not ready: no such operator");
  EXPECT_EQ(index(), "bad 1 UNAVAILABLE no such operator; good 1 READY");
  EXPECT_EQ(index(true), "good 1 READY");
  EXPECT_TRUE(service_->ready());
  EXPECT_EQ(service_->model_ready("bad", 0).code(), StatusCode::kUnavailable);
}

TEST_F(LocalServiceUnchanged, is_not_ready_with_a_broken_model_where_that_is_asked_for) {
  put("bad", 1, "broken why");
  options_.strict_readiness = true;
  start();
  EXPECT_FALSE(service_->ready());
}

TEST_F(LocalServiceUnchanged, reports_what_failed_at_the_start) {
  put("bad", 3, "broken why");
  put("good", 1, "scale 2");
  directory_.write("odd/config.pbtxt", "no such field");
  ASSERT_TRUE(try_start().ok());
  const std::vector<ModelIndexEntry> failed = service_->await_loaded();
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(failed[0].name, "bad");
  EXPECT_EQ(failed[0].version, 3);
  EXPECT_EQ(failed[0].reason, "why");
  EXPECT_EQ(failed[1].name, "odd");
}

TEST_F(LocalServiceUnchanged, is_ready_only_when_all_that_was_wanted_is_loaded) {
  put("m", 1, "scale 1");
  backend_->gate.shut();
  ASSERT_TRUE(try_start().ok());
  backend_->gate.await_standing();
  EXPECT_FALSE(service_->ready());
  EXPECT_EQ(index(), "m 1 LOADING");
  EXPECT_EQ(answer("m"), "UNAVAILABLE: model 'm' is still being loaded");
  backend_->gate.open();
  (void)service_->await_loaded();
  EXPECT_TRUE(service_->ready());
}

TEST_F(LocalServiceUnchanged, knows_no_other_models) {
  put("m", 1, "scale 1");
  start();
  EXPECT_EQ(answer("n"), "NOT_FOUND: there is no model 'n'");
  EXPECT_EQ(service_->describe("n", 0).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(service_->versions("n").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(service_->statistics("n", 0).status().code(), StatusCode::kNotFound);
}

TEST_F(LocalServiceUnchanged, warms_up_at_every_batch_size) {
  put("m", 1, "scale 1");
  directory_.write("m/config.pbtxt", "max_batch_size: 6");
  start();
  std::vector<std::int64_t> rows;
  for (const auto& run : backend_->newest_model()->runs())
    rows.push_back(run[0][0]);
  // 3 is a sample, and the clock stands.
  EXPECT_EQ(rows, (std::vector<std::int64_t>{1, 2, 6, 4, 3, 3, 5}));
}

TEST_F(LocalServiceUnchanged, counts_requests_rows_and_batches) {
  put("m", 1, "scale 1");
  start();
  (void)answer("m");
  (void)answer("m");
  const auto statistics = service_->statistics("m", 0);
  ASSERT_TRUE(statistics.ok());
  ASSERT_EQ(statistics->size(), 1U);
  EXPECT_EQ((*statistics)[0].rows, 2U);
  EXPECT_EQ((*statistics)[0].batches, 2U);
  EXPECT_EQ((*statistics)[0].success.count, 2U);
  EXPECT_EQ((*statistics)[0].by_batch_size.size(), 1U);
}

TEST_F(LocalServiceUnchanged, refuses_loads_and_unloads) {
  put("m", 1, "scale 1");
  start();
  EXPECT_EQ(load("m").code(), StatusCode::kUnavailable);
  EXPECT_EQ(service_->unload("m").code(), StatusCode::kUnavailable);
  EXPECT_EQ(answer("m"), "1");
}

TEST_F(LocalServiceUnchanged, starts_only_on_folders_of_models) {
  put("m", 1, "scale 1");
  options_.repositories = {directory_ / "nowhere"};
  EXPECT_EQ(LocalService::start(options_, clock_).status().code(), StatusCode::kNotFound);
  options_.repositories = {directory_ / "m"};
  EXPECT_NE(LocalService::start(options_, clock_).status().message().find("is a model"),
            std::string_view::npos);
  options_.repositories = {};
  EXPECT_EQ(LocalService::start(options_, clock_).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(LocalServiceUnchanged, answers_what_it_accepted_and_then_refuses) {
  put("m", 1, "scale 1");
  start();
  const auto model = backend_->newest_model();
  model->gate.shut();
  std::future<Outcome> held = submit("m");
  model->gate.await_standing();
  service_->begin_stop();
  EXPECT_FALSE(service_->ready());
  std::future<Outcome> late = submit("m");  // still taken
  EXPECT_FALSE(service_->drain(std::chrono::milliseconds(0)));
  EXPECT_EQ(answer("m"), "UNAVAILABLE: the server is stopping");
  model->gate.open();
  EXPECT_TRUE(held.get().ok());
  EXPECT_TRUE(late.get().ok());
  EXPECT_TRUE(service_->drain(std::chrono::hours(1)));
}

TEST_F(LocalServiceUnchanged, cancels_what_waits) {
  put("m", 1, "scale 1");
  directory_.write("m/config.pbtxt", "max_batch_size: 1");
  start();
  const auto model = backend_->newest_model();
  model->gate.shut();
  std::future<Outcome> held = submit("m");
  model->gate.await_standing();
  std::promise<Outcome> promise;
  InferRequest request = request_of("x", floats({1, 2}, {1, 2}));
  request.model = "m";
  request.ticket = new_ticket();
  const RequestTicket ticket = request.ticket;
  service_->infer(std::move(request),
                  [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  EXPECT_TRUE(service_->cancel(ticket));
  EXPECT_EQ(promise.get_future().get().status().code(), StatusCode::kCancelled);
  EXPECT_FALSE(service_->cancel(ticket));
  model->gate.open();
  EXPECT_TRUE(held.get().ok());
}

TEST_F(LocalServiceUnchanged, takes_a_model_out_of_service_whose_session_broke_for_good) {
  put("m", 1, "fault the device is gone");
  start();
  EXPECT_EQ(answer("m"), "1");
  backend_->faults = true;
  EXPECT_EQ(answer("m"), "INTERNAL: the device is gone");
  service_->await_settled();
  EXPECT_EQ(answer("m"), "UNAVAILABLE: model 'm' is not ready: the device is gone");
  EXPECT_EQ(index(), "m 1 UNAVAILABLE the device is gone");
  EXPECT_FALSE(service_->model_ready("m", 1).ok());
}

}  // namespace
}  // namespace muster::testing
