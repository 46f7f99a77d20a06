// SPDX-License-Identifier: Apache-2.0
// What a service makes of loads, unloads and changes on disk while it runs.
#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "serving/repository/model_records.h"
#include "serving/testing/local_service_fixture.h"

namespace muster::testing {
namespace {

class ExplicitControl : public LocalServiceTest {
 protected:
  void start_explicit(std::vector<std::string> models = {}) {
    start(ModelControlMode::kExplicit, std::move(models));
  }
  std::future<Status> begin_load(const std::string& model,
                                 std::optional<std::string> config = std::nullopt) {
    const auto promise = std::make_shared<std::promise<Status>>();
    service_->load(model, std::move(config),
                   [promise](Status status) { promise->set_value(std::move(status)); });
    return promise->get_future();
  }
  // What was decided on disk for loads that were asked for before this is decided when it returns:
  // one thread does that in order, and tells how this load ended. Other loads may be held.
  void await_decisions() {
    put("fence", 1, "broken by intent");
    EXPECT_FALSE(load("fence").ok());
  }
  [[nodiscard]] std::int64_t largest_batch() const {
    return (*service_->describe("m", 0))->config.batching.max_batch_size;
  }
};

std::string batches_of(int size) {
  return "{\"max_batch_size\": " + std::to_string(size) + "}";
}

TEST_F(ExplicitControl, loads_at_the_start_only_what_is_named) {
  put("one", 1, "scale 1");
  put("two", 1, "scale 2");
  start_explicit({"two"});
  EXPECT_EQ(index(), "one; two 1 READY");
  EXPECT_EQ(answer("one"), "NOT_FOUND: there is no model 'one'");
  EXPECT_EQ(answer("two"), "2");
}

TEST_F(ExplicitControl, loads_all_at_the_start_by_a_star) {
  put("one", 1, "scale 1");
  put("two", 1, "scale 2");
  start_explicit({"*"});
  EXPECT_EQ(index(), "one 1 READY; two 1 READY");
}

TEST_F(ExplicitControl, does_not_start_without_a_model_that_is_named) {
  put("one", 1, "scale 1");
  EXPECT_EQ(try_start(ModelControlMode::kExplicit, {"two"}).to_string(),
            "NOT_FOUND: load_models: there is no model 'two'");
}

TEST_F(ExplicitControl, loads_and_unloads_on_request) {
  put("m", 1, "scale 1");
  start_explicit();
  EXPECT_EQ(index(), "m");
  EXPECT_TRUE(service_->ready());
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(answer("m"), "1");
  EXPECT_TRUE(service_->unload("m").ok());
  EXPECT_EQ(answer("m").substr(0, 11), "UNAVAILABLE");
  service_->await_settled();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded");
  EXPECT_EQ(answer("m"), "UNAVAILABLE: model 'm' is not ready: unloaded");
  EXPECT_EQ(service_->statistics("m", 0).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(answer("m"), "1");
}

TEST_F(ExplicitControl, refuses_to_load_what_is_not_there) {
  put("m", 1, "scale 1");
  start_explicit();
  EXPECT_EQ(load("n").code(), StatusCode::kNotFound);
  EXPECT_EQ(load("../m").code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(service_->unload("n").ok());
  EXPECT_TRUE(service_->unload("m").ok());
}

TEST_F(ExplicitControl, sees_a_new_version_at_the_next_load) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  put("m", 2, "scale 2");
  EXPECT_EQ(answer("m"), "1");
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(answer("m"), "2");
  service_->await_settled();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded; m 2 READY");
}

TEST_F(ExplicitControl, forgets_versions_that_are_long_past) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  const auto counted = [this] {
    int versions = 0;
    service_->visit_metrics([&](const VersionMetricsView&) { ++versions; });
    return versions;
  };
  for (int version = 2; version <= 30; ++version) {
    put("m", version, "scale " + std::to_string(version));
    EXPECT_TRUE(load("m").ok());
    EXPECT_EQ(answer("m"), std::to_string(version));
    service_->await_settled();
  }
  // The last one before is still draining when the job that replaces it ends.
  EXPECT_EQ(counted(), 1 + 1 + static_cast<int>(kMaxPastVersions));
  const std::string past = " UNAVAILABLE unloaded";
  EXPECT_EQ(index().find("m 20 "), std::string::npos);
  EXPECT_NE(index().find("m 22" + past), std::string::npos) << index();
  EXPECT_NE(index().find("m 30 READY"), std::string::npos) << index();
}

TEST_F(ExplicitControl, loads_anew_what_has_not_changed) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  const int loads = backend_->loads;
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(backend_->loads, loads + 1);
}

TEST_F(ExplicitControl, keeps_what_runs_where_a_new_version_is_broken) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  put("m", 2, "broken why");
  EXPECT_EQ(load("m").to_string(), "INVALID_ARGUMENT: why");
  EXPECT_EQ(answer("m"), "1");
  EXPECT_EQ(index(), "m 1 READY; m 2 UNAVAILABLE why");
}

TEST_F(ExplicitControl, keeps_what_runs_where_the_same_version_is_broken_now) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  put("m", 1, "broken why");
  EXPECT_FALSE(load("m").ok());
  EXPECT_EQ(answer("m"), "1");
  EXPECT_EQ(index(), "m 1 READY");
  put("m", 1, "scale 3");
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(answer("m"), "3");
}

TEST_F(ExplicitControl, keeps_an_override_until_the_model_is_unloaded) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  EXPECT_EQ(largest_batch(), 64);
  EXPECT_TRUE(load("m", batches_of(7)).ok());
  EXPECT_EQ(largest_batch(), 7);
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(largest_batch(), 7);
  EXPECT_TRUE(service_->unload("m").ok());
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(largest_batch(), 64);
}

TEST_F(ExplicitControl, keeps_nothing_of_an_override_that_is_refused) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  EXPECT_TRUE(load("m", R"({"max_batch_size": 7})").ok());
  EXPECT_EQ(load("m", R"({"max_batch_size": -1})").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(load("m", "{").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(load("m", R"({"no_such_field": 1})").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(
      load("m", R"({"input": [{"name": "z", "data_type": "TYPE_FP32", "dims": [2]}]})").code(),
      StatusCode::kInvalidArgument);
  EXPECT_EQ(answer("m"), "1");
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ((*service_->describe("m", 0))->config.batching.max_batch_size, 7);
}

TEST_F(ExplicitControl, lets_an_override_choose_the_versions) {
  put("m", 1, "scale 1");
  put("m", 2, "scale 2");
  start_explicit({"m"});
  EXPECT_TRUE(load("m", R"({"version_policy": {"specific": {"versions": [1]}}})").ok());
  EXPECT_EQ(answer("m"), "1");
  EXPECT_EQ(*service_->versions("m"), (std::vector<std::int64_t>{1}));
}

TEST_F(ExplicitControl, does_loads_and_unloads_of_one_model_in_order) {
  put("m", 1, "scale 1");
  start_explicit();
  backend_->gate.shut();
  std::vector<std::future<Status>> loads;
  for (int size = 1; size <= 5; ++size)
    loads.push_back(begin_load("m", batches_of(size)));
  ASSERT_TRUE(service_->unload("m").ok());
  std::future<Status> last = begin_load("m");
  backend_->gate.open();
  for (auto& load : loads) {
    EXPECT_EQ(load.get().to_string(), "UNAVAILABLE: its load was given up for an unload");
  }
  EXPECT_TRUE(last.get().ok());
  EXPECT_EQ((*service_->describe("m", 0))->config.batching.max_batch_size, 64);
}

TEST_F(ExplicitControl, gives_up_a_load_for_a_newer_one_that_answers_for_both) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  const int loads = backend_->loads;
  backend_->gate.shut();
  std::future<Status> first = begin_load("m", R"({"max_batch_size": 2})");
  backend_->gate.await_standing();
  put("m", 1, "scale 3");
  std::future<Status> second = begin_load("m", R"({"max_batch_size": 3})");
  std::future<Status> third = begin_load("m", R"({"max_batch_size": 4})");
  EXPECT_EQ(answer("m"), "1");
  backend_->gate.open();
  for (std::future<Status>* load : {&first, &second, &third})
    EXPECT_TRUE(load->get().ok());
  EXPECT_EQ(answer("m"), "3");
  EXPECT_EQ((*service_->describe("m", 0))->config.batching.max_batch_size, 4);
  EXPECT_EQ(backend_->loads, loads + 2);
}

TEST_F(ExplicitControl, gives_up_no_load_whose_override_the_newer_one_would_keep) {
  put("m", 1, "scale 1");
  start_explicit();
  const int loads = backend_->loads;
  backend_->gate.shut();
  std::future<Status> first = begin_load("m", R"({"max_batch_size": 2})");
  backend_->gate.await_standing();
  std::future<Status> second = begin_load("m");
  backend_->gate.open();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
  EXPECT_EQ(largest_batch(), 2);
  EXPECT_EQ(backend_->loads, loads + 2);
}

TEST_F(ExplicitControl, does_a_load_that_waits_for_its_turn_once_for_all_who_ask_for_it) {
  options_.load_threads = 1;
  put("m", 1, "scale 1");
  put("other", 1, "scale 1");
  start_explicit();
  backend_->gate.shut();
  std::future<Status> other = begin_load("other");
  backend_->gate.await_standing();
  std::future<Status> first = begin_load("m");
  std::future<Status> second = begin_load("m");
  std::future<Status> third = begin_load("m");
  backend_->gate.open();
  for (std::future<Status>* load : {&other, &first, &second, &third})
    EXPECT_TRUE(load->get().ok());
  EXPECT_EQ(backend_->loads, 2);
}

TEST_F(ExplicitControl, refuses_loads_beyond_those_that_may_wait_for_one_answer) {
  put("m", 1, "scale 1");
  start_explicit();
  backend_->gate.shut();
  std::future<Status> first = begin_load("m");
  backend_->gate.await_standing();
  std::vector<std::future<Status>> others;
  for (std::size_t i = 1; i < kMaxWaitingCallers; ++i)
    others.push_back(begin_load("m", batches_of(2)));
  EXPECT_EQ(load("m", batches_of(2)).to_string(),
            "RESOURCE_EXHAUSTED: model 'm' has 1024 loads to answer already");
  backend_->gate.open();
  EXPECT_TRUE(first.get().ok());
  for (std::future<Status>& other : others)
    EXPECT_TRUE(other.get().ok());
  EXPECT_EQ(largest_batch(), 2);
  EXPECT_EQ(backend_->loads, 2);
}

TEST_F(ExplicitControl, does_every_second_load_however_many_are_asked_for) {
  put("m", 1, "scale 1");
  start_explicit();
  backend_->gate.shut();
  std::vector<std::future<Status>> loads;
  for (int size = 1; size <= 10; ++size) {
    loads.push_back(begin_load("m", batches_of(size)));
    if (size > 1) backend_->gate.let_one_through();
    backend_->gate.await_standing();
    // The first gave way, the second did not, the third did.
    if (size > 2) {
      EXPECT_EQ(largest_batch(), (size - 1) / 2 * 2);
    }
  }
  backend_->gate.open();
  for (std::future<Status>& load : loads)
    EXPECT_TRUE(load.get().ok());
  EXPECT_EQ(largest_batch(), 10);
}

// Of a model whose next run on zeros is held.
class WarmingUp : public ExplicitControl {
 protected:
  // In its warm-up when this returns.
  std::future<Status> begin_to_load() {
    backend_->run_gate.shut();
    std::future<Status> load = begin_load("m");
    backend_->run_gate.await_standing();
    return load;
  }
  // Lets go of the run that is held: the runs of the model's warm-up, that one included.
  std::size_t runs_of(std::future<Status>& load) {
    const auto model = backend_->newest_model();
    backend_->run_gate.open();
    load.wait();
    return model->runs().size();
  }
};

TEST_F(WarmingUp, ends_after_the_run_at_hand_where_the_service_stops) {
  put("m", 1, "scale 1");
  start_explicit();
  std::future<Status> load = begin_to_load();
  service_->begin_stop();
  EXPECT_EQ(runs_of(load), 1U);
  EXPECT_EQ(load.get().to_string(), "UNAVAILABLE: the server is stopping");
}

TEST_F(WarmingUp, ends_after_the_run_at_hand_where_the_model_is_unloaded) {
  put("m", 1, "scale 1");
  start_explicit();
  std::future<Status> load = begin_to_load();
  ASSERT_TRUE(service_->unload("m").ok());
  EXPECT_EQ(runs_of(load), 1U);
  EXPECT_EQ(load.get().to_string(), "UNAVAILABLE: its load was given up for an unload");
  service_->await_settled();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded");
  EXPECT_TRUE(this->load("m").ok());
  EXPECT_EQ(answer("m"), "1");
}

TEST_F(WarmingUp, ends_after_the_run_at_hand_where_a_newer_load_is_wanted) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  put("m", 2, "scale 2");
  std::future<Status> load = begin_to_load();
  put("m", 2, "scale 3");
  std::future<Status> newer = begin_load("m");
  await_decisions();
  EXPECT_EQ(runs_of(load), 1U);
  EXPECT_TRUE(load.get().ok());
  EXPECT_TRUE(newer.get().ok());
  EXPECT_EQ(answer("m"), "3");
  service_->await_settled();
  EXPECT_NE(index().find("m 1 UNAVAILABLE unloaded; m 2 READY"), std::string::npos);
}

TEST_F(WarmingUp, answers_a_load_too_that_wants_the_same_of_the_same_files) {
  put("m", 1, "scale 1");
  start_explicit();
  std::future<Status> load = begin_to_load();
  std::future<Status> same = begin_load("m");
  await_decisions();
  EXPECT_GT(runs_of(load), 2U);
  EXPECT_TRUE(load.get().ok());
  EXPECT_TRUE(same.get().ok());
  EXPECT_EQ(backend_->loads, 1 + 1);  // with the fence
}

TEST_F(WarmingUp, answers_a_load_of_the_same_with_its_failure) {
  put("m", 1, "fault gone");
  backend_->faults = true;
  start_explicit();
  std::future<Status> load = begin_to_load();
  std::future<Status> same = begin_load("m");
  await_decisions();
  backend_->run_gate.open();
  const Status failure = load.get();
  EXPECT_FALSE(failure.ok());
  EXPECT_EQ(same.get().to_string(), failure.to_string());
  EXPECT_EQ(backend_->loads, 1 + 1);
}

// One load whose place another took, which stands before its own file now.
class TakenOver : public WarmingUp {
 protected:
  void take_over() {
    first_ = begin_to_load();
    second_ = begin_load("m", batches_of(2));
    backend_->gate.shut();
    backend_->run_gate.open();
    backend_->gate.await_standing();
  }
  std::future<Status> first_;
  std::future<Status> second_;
};

TEST_F(TakenOver, ends_before_a_newer_load_begins) {
  put("m", 1, "scale 1");
  start_explicit();
  take_over();
  std::future<Status> third = begin_load("m", batches_of(3));
  // The third stands in its warm-up when the second is there.
  backend_->run_gate.shut();
  backend_->gate.open();
  backend_->run_gate.await_standing();
  backend_->gate.shut();
  backend_->run_gate.open();
  EXPECT_TRUE(first_.get().ok());
  EXPECT_TRUE(second_.get().ok());
  EXPECT_EQ(largest_batch(), 2);
  EXPECT_EQ(answer("m"), "1");
  backend_->gate.open();
  EXPECT_TRUE(third.get().ok());
  EXPECT_EQ(largest_batch(), 3);
  EXPECT_EQ(backend_->loads, 3);
}

TEST_F(TakenOver, is_followed_by_one_load_for_all_that_came_meanwhile) {
  put("m", 1, "scale 1");
  start_explicit();
  take_over();
  std::vector<std::future<Status>> loads;
  for (int size = 3; size <= 9; ++size)
    loads.push_back(begin_load("m", batches_of(size)));
  backend_->gate.open();
  EXPECT_TRUE(second_.get().ok());
  for (std::future<Status>& load : loads)
    EXPECT_TRUE(load.get().ok());
  EXPECT_EQ(largest_batch(), 9);
  EXPECT_EQ(backend_->loads, 3);
}

TEST_F(TakenOver, gives_way_to_an_unload_even_behind_other_loads) {
  put("m", 1, "scale 1");
  start_explicit();
  take_over();
  std::future<Status> third = begin_load("m", batches_of(3));
  ASSERT_TRUE(service_->unload("m").ok());
  backend_->gate.open();
  for (std::future<Status>* load : {&first_, &second_, &third})
    EXPECT_EQ(load->get().to_string(), "UNAVAILABLE: its load was given up for an unload");
  EXPECT_EQ(backend_->loads, 2);
  service_->await_settled();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded");
}

TEST_F(ExplicitControl, refuses_loads_beyond_those_that_may_wait) {
  put("m", 1, "scale 1");
  start_explicit();
  backend_->gate.shut();
  std::atomic<int> refused{0};
  for (std::size_t i = 0; i < kMaxWaitingJobs + 3; ++i) {
    service_->load("m", std::nullopt, [&](const Status& status) {
      if (status.code() == StatusCode::kResourceExhausted) ++refused;
    });
    EXPECT_TRUE(service_->unload("m").ok());
    EXPECT_TRUE(service_->unload("m").ok());
  }
  EXPECT_GT(refused, 0);
  backend_->gate.open();
  service_->await_settled();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded");
}

TEST_F(ExplicitControl, answers_what_an_unloaded_model_had_accepted) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  const auto model = backend_->newest_model();
  model->gate.shut();
  std::future<Outcome> held = submit("m");
  model->gate.await_standing();
  ASSERT_TRUE(service_->unload("m").ok());
  EXPECT_EQ(index(), "m 1 UNLOADING");
  EXPECT_EQ(answer("m"), "UNAVAILABLE: model 'm' is being unloaded");
  model->gate.open();
  EXPECT_TRUE(held.get().ok());
  service_->await_settled();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded");
  EXPECT_EQ(model->sessions, 0);
}

TEST_F(ExplicitControl, replaces_a_busy_model_and_lets_it_finish) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  const auto old = backend_->newest_model();
  old->gate.shut();
  std::future<Outcome> held = submit("m");
  old->gate.await_standing();
  put("m", 1, "scale 2");
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(answer("m"), "2");
  EXPECT_EQ(index(), "m 1 READY");
  old->gate.open();
  EXPECT_EQ(values_of(*held.get()->find("y"))[0], 1);
  service_->await_settled();
  EXPECT_EQ(old->sessions, 0);
}

TEST_F(ExplicitControl, cancels_in_a_model_that_is_being_unloaded) {
  put("m", 1, "scale 1");
  directory_.write("m/config.pbtxt", "max_batch_size: 1");
  start_explicit({"m"});
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
  ASSERT_TRUE(service_->unload("m").ok());
  EXPECT_TRUE(service_->cancel(ticket));
  EXPECT_EQ(promise.get_future().get().status().code(), StatusCode::kCancelled);
  model->gate.open();
  EXPECT_TRUE(held.get().ok());
}

TEST_F(ExplicitControl, counts_on_where_it_was_after_a_reload) {
  put("m", 1, "scale 1");
  start_explicit({"m"});
  (void)answer("m");
  EXPECT_TRUE(load("m").ok());
  (void)answer("m");
  EXPECT_EQ((*service_->statistics("m", 1))[0].success.count, 2U);
  std::uint64_t loads = 0;
  service_->visit_metrics([&](const VersionMetricsView& view) {
    EXPECT_EQ(view.model, "m");
    EXPECT_EQ(view.state, ModelState::kReady);
    loads += view.counted.loads.value();
  });
  EXPECT_EQ(loads, 2U);
}

TEST_F(ExplicitControl, serves_again_what_was_broken_once_it_is_loaded_again) {
  put("m", 1, "fault gone");
  start_explicit({"m"});
  backend_->faults = true;
  EXPECT_EQ(answer("m"), "INTERNAL: gone");
  backend_->faults = false;
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(answer("m"), "1");
}

TEST_F(ExplicitControl, does_not_load_what_breaks_in_its_warm_up) {
  put("m", 1, "fault gone");
  backend_->faults = true;
  start_explicit({"m"});
  EXPECT_NE(index().find("UNAVAILABLE"), std::string::npos);
}

TEST_F(ExplicitControl, gives_up_what_waits_when_it_stops) {
  put("m", 1, "scale 1");
  start_explicit();
  backend_->gate.shut();
  std::promise<Status> first;
  std::promise<Status> second;
  service_->load("m", std::nullopt, [&](Status status) { first.set_value(std::move(status)); });
  backend_->gate.await_standing();
  service_->load("m", batches_of(2), [&](Status status) { second.set_value(std::move(status)); });
  service_->begin_stop();
  EXPECT_EQ(second.get_future().get().code(), StatusCode::kUnavailable);
  EXPECT_EQ(load("m").code(), StatusCode::kUnavailable);
  EXPECT_EQ(service_->unload("m").code(), StatusCode::kUnavailable);
  backend_->gate.open();
  EXPECT_EQ(first.get_future().get().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(service_->drain(std::chrono::hours(1)));
}

class Polling : public LocalServiceTest {
 protected:
  void start_polling() { start(ModelControlMode::kPoll); }
  // What is seen twice alike is followed.
  void look_twice() {
    service_->poll();
    service_->poll();
    service_->await_settled();
  }
};

TEST_F(Polling, follows_models_and_versions_that_come_and_go) {
  put("one", 1, "scale 1");
  start_polling();
  put("one", 2, "scale 2");
  put("two", 1, "scale 3");
  look_twice();
  EXPECT_EQ(answer("one"), "2");
  EXPECT_EQ(answer("two"), "3");
  std::filesystem::remove_all(directory_ / "one/2");
  std::filesystem::remove_all(directory_ / "two");
  look_twice();
  EXPECT_EQ(answer("one"), "1");
  EXPECT_EQ(answer("two"), "UNAVAILABLE: model 'two' is not ready: unloaded");
}

TEST_F(Polling, loads_nothing_anew_that_has_not_changed) {
  put("m", 1, "scale 1");
  start_polling();
  look_twice();
  look_twice();
  EXPECT_EQ(backend_->loads, 1);
}

TEST_F(Polling, waits_for_files_to_come_to_rest) {
  put("m", 1, "scale 1");
  start_polling();
  put("m", 2, "sca");
  service_->poll();
  put("m", 2, "scale 2");
  service_->poll();
  service_->await_settled();
  EXPECT_EQ(backend_->loads, 1);
  service_->poll();
  service_->await_settled();
  EXPECT_EQ(answer("m"), "2");
  EXPECT_EQ(backend_->loads, 2);
}

TEST_F(Polling, tries_again_only_when_files_have_changed) {
  put("m", 1, "scale 1");
  put("other", 1, "broken");
  start_polling();
  put("m", 2, "broken why");
  look_twice();
  look_twice();
  EXPECT_EQ(answer("m"), "1");
  EXPECT_EQ(backend_->loads, 3);
  put("m", 2, "scale 2");
  look_twice();
  EXPECT_EQ(answer("m"), "2");
  EXPECT_EQ(backend_->loads, 4);
}

TEST_F(Polling, follows_a_changed_configuration_and_survives_a_broken_one) {
  put("m", 1, "scale 1");
  start_polling();
  directory_.write("m/config.pbtxt", "max_batch_size: \n");
  look_twice();
  EXPECT_EQ(answer("m"), "1");
  directory_.write("m/config.pbtxt", "max_batch_size: 3");
  look_twice();
  EXPECT_EQ((*service_->describe("m", 0))->config.batching.max_batch_size, 3);
  EXPECT_EQ(answer("m"), "1");
}

TEST_F(Polling, keeps_everything_where_the_repository_cannot_be_read) {
  put("m", 1, "scale 1");
  start_polling();
  std::filesystem::rename(directory_.path(), directory_.path() + "_away");
  look_twice();
  EXPECT_EQ(answer("m"), "1");
  std::filesystem::rename(directory_.path() + "_away", directory_.path());
}

TEST_F(Polling, looks_of_itself_when_the_interval_is_over_and_soon_again) {
  put("m", 1, "scale 1");
  start_polling();
  put("m", 2, "scale 2");
  clock_.await_waiter_until(clock_.now() + options_.poll_interval);
  clock_.advance(options_.poll_interval);
  clock_.await_waiter_until(clock_.now() + std::chrono::seconds(1));
  clock_.advance(std::chrono::seconds(1));
  clock_.await_waiter_until(clock_.now() + options_.poll_interval);
  service_->await_settled();
  EXPECT_EQ(answer("m"), "2");
}

}  // namespace
}  // namespace muster::testing
