// SPDX-License-Identifier: Apache-2.0
// Models whose backend must compile first: served at once, and switched to what was compiled.
#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/temporary_folder.h"
#include "serving/testing/local_service_fixture.h"
#include "serving/testing/slow_backend.h"

namespace muster::testing {
namespace {

class StandingIn : public LocalServiceTest {
 protected:
  StandingIn() {
    options_.backends["slow"] = slow_;
    options_.service.compiled_cache = cache_.path().string();
  }
  ~StandingIn() override {
    for (Gate* gate : {&slow_->gate, &slow_->load_gate, &backend_->run_gate})
      gate->open();
    service_.reset();
  }

  void put_slow(const std::string& model, int version, const std::string& text,
                const std::string& parameters = "") const {
    directory_.write(model + "/config.pbtxt",
                     R"(backend: "slow" default_model_filename: "model.onnx" )" + parameters);
    put(model, version, text);
  }
  static std::string parameter(const std::string& key, const std::string& value) {
    return "parameters { key: \"" + key + "\" value { string_value: \"" + value + "\" } } ";
  }
  // What runs it: "Slow 1", or the stand-in.
  [[nodiscard]] std::string runtime(const std::string& model = "m") const {
    const auto description = service_->describe(model, 0);
    return description.ok() ? (*description)->runtime : description.status().to_string();
  }
  [[nodiscard]] ModelPreparation preparation(const std::string& model = "m",
                                             std::int64_t version = 0) const {
    const auto told = service_->preparation(model, version);
    EXPECT_TRUE(told.ok()) << told.status().to_string();
    return told.ok() ? *told : ModelPreparation();
  }
  [[nodiscard]] std::string state(const std::string& model = "m", std::int64_t version = 0) const {
    return std::string(preparation_state_name(preparation(model, version).state));
  }
  // Of all versions: "in_use failed differs given_up".
  [[nodiscard]] std::string ends() const {
    std::uint64_t counts[4] = {};
    service_->visit_metrics([&](const VersionMetricsView& version) {
      counts[0] += version.counted.preparations_in_use.value();
      counts[1] += version.counted.preparations_failed.value();
      counts[2] += version.counted.preparations_different.value();
      counts[3] += version.counted.preparations_given_up.value();
    });
    std::string text;
    for (const std::uint64_t count : counts)
      text += (text.empty() ? "" : " ") + std::to_string(count);
    return text;
  }
  // Starts with a model "m" that is being compiled until the gate is opened.
  void start_compiling(ModelControlMode control = ModelControlMode::kExplicit) {
    slow_->gate.shut();
    start(control, control == ModelControlMode::kExplicit ? std::vector<std::string>{"*"}
                                                          : std::vector<std::string>{});
    slow_->gate.await_standing();
  }

  const TemporaryFolder cache_ = TemporaryFolder::make("muster-slow").value();
  const std::shared_ptr<SlowBackend> slow_ = std::make_shared<SlowBackend>();
  const std::string stand_in_ = "Scaling 1, standing in for slow";
};

TEST_F(StandingIn, serves_at_once_and_switches_when_it_is_compiled) {
  put_slow("m", 1, "scale 3");
  start_compiling();
  EXPECT_EQ(index(), "m 1 READY");
  EXPECT_EQ(answer("m"), "3");
  EXPECT_EQ(runtime(), stand_in_);
  EXPECT_EQ((*service_->describe("m", 0))->config.backend, "slow");
  const ModelPreparation told = preparation();
  EXPECT_EQ(told.state, PreparationState::kBuilding);
  EXPECT_EQ(told.stand_in, stand_in_);
  slow_->gate.open();
  service_->await_prepared();
  EXPECT_EQ(runtime(), "Slow 1");
  EXPECT_EQ(answer("m"), "3");
  EXPECT_EQ(state(), "in_use");
  EXPECT_EQ(preparation().stand_in, "");
  EXPECT_EQ(index(), "m 1 READY");
  EXPECT_EQ(slow_->compiles, 1);
  EXPECT_EQ(slow_->compiled_by_loads, 0);
  EXPECT_EQ(ends(), "1 0 0 0");
}

TEST_F(StandingIn, tells_how_far_it_is) {
  put_slow("m", 1, "scale 3");
  start_compiling();
  // Notes of it travel over another thread; behind a load that has ended they are there.
  put("plain", 1, "scale 1");
  ASSERT_TRUE(load("plain").ok());
  const ModelPreparation told = preparation();
  EXPECT_EQ(told.phase, "fusing");
  EXPECT_EQ(told.done, 0.5);
  EXPECT_EQ(told.left, std::chrono::seconds(80));
  EXPECT_EQ(service_->explain("m", 0)->preparation.done, 0.5);
  EXPECT_EQ(state("plain"), "none");
  service_->visit_metrics([](const VersionMetricsView& version) {
    EXPECT_EQ(version.preparation.done, version.model == "m" ? 0.5 : 0);
  });
}

TEST_F(StandingIn, asks_nobody_to_stand_in_where_it_was_compiled_before) {
  put_slow("m", 1, "scale 3");
  start(ModelControlMode::kExplicit, {"m"});
  service_->await_prepared();
  const int loads = backend_->loads;
  EXPECT_TRUE(load("m").ok());
  service_->await_prepared();
  EXPECT_EQ(runtime(), "Slow 1");
  EXPECT_EQ(state(), "none");
  EXPECT_EQ(backend_->loads, loads);
  EXPECT_EQ(slow_->compiles, 1);
}

TEST_F(StandingIn, loses_no_request_while_it_switches) {
  put_slow("m", 1, "scale 3");
  start_compiling();
  std::atomic<bool> stop{false};
  std::atomic<int> right{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const Outcome outcome = submit("m").get();
        ++(outcome.ok() && values_of(*outcome->find("y"))[0] == 3 ? right : wrong);
      }
    });
  }
  while (right < 100)
    std::this_thread::yield();
  slow_->gate.open();
  service_->await_prepared();
  const int before = right;
  while (right < before + 100)
    std::this_thread::yield();
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(runtime(), "Slow 1");
  const ModelStatistics statistics = service_->statistics("m", 1)->front();
  EXPECT_EQ(statistics.success.count, static_cast<std::uint64_t>(right));
  EXPECT_EQ(statistics.failure.count, 0U);
}

TEST_F(StandingIn, keeps_the_stand_in_where_the_numbers_differ) {
  slow_->models.error = 0.5;
  put_slow("m", 1, "scale 2");
  start(ModelControlMode::kExplicit, {"m"});
  service_->await_prepared();
  EXPECT_EQ(runtime(), stand_in_);
  EXPECT_EQ(answer("m"), "2");
  EXPECT_EQ(state(), "differs");
  EXPECT_EQ(preparation().stand_in, stand_in_);
  const std::string reason = preparation().reason;
  EXPECT_NE(reason.find("output 'y' differs in"), std::string::npos) << reason;
  EXPECT_NE(reason.find("where 0.0001 is tolerated"), std::string::npos) << reason;
  EXPECT_EQ(ends(), "0 0 1 0");
  // Nobody is to find it at the next load, which tries again.
  EXPECT_EQ(slow_->forgotten, 1);
  slow_->models.error = 0;
  EXPECT_TRUE(load("m").ok());
  service_->await_prepared();
  EXPECT_EQ(slow_->compiles, 2);
  EXPECT_EQ(runtime(), "Slow 1");
  EXPECT_EQ(state(), "in_use");
}

TEST_F(StandingIn, tolerates_what_the_configuration_says) {
  slow_->models.error = 0.05F;
  put_slow("m", 1, "scale 2", parameter("build_tolerance", "0.2"));
  start();
  service_->await_prepared();
  EXPECT_EQ(runtime(), "Slow 1");
}

TEST_F(StandingIn, keeps_the_stand_in_where_compiling_fails_until_the_next_load) {
  slow_->fails = true;
  put_slow("m", 1, "scale 2");
  start(ModelControlMode::kExplicit, {"m"});
  service_->await_prepared();
  EXPECT_EQ(state(), "failed");
  EXPECT_EQ(preparation().reason, "no kernel fits");
  EXPECT_EQ(answer("m"), "2");
  EXPECT_EQ(index(), "m 1 READY");
  EXPECT_EQ(slow_->compiles, 1);
  slow_->fails = false;
  EXPECT_TRUE(load("m").ok());
  service_->await_prepared();
  EXPECT_EQ(state(), "in_use");
  EXPECT_EQ(ends(), "1 1 0 0");
}

TEST_F(StandingIn, keeps_the_stand_in_where_the_backend_throws) {
  slow_->throws = true;
  put_slow("m", 1, "scale 2");
  start();
  service_->await_prepared();
  EXPECT_EQ(state(), "failed");
  EXPECT_EQ(preparation().reason, "a vendor's");
  EXPECT_EQ(runtime(), stand_in_);
}

TEST_F(StandingIn, keeps_the_stand_in_where_nothing_was_kept) {
  slow_->keeps = false;
  put_slow("m", 1, "scale 2");
  start();
  service_->await_prepared();
  EXPECT_EQ(state(), "failed");
  EXPECT_TRUE(preparation().reason.starts_with("what was compiled was not kept"));
  EXPECT_EQ(slow_->compiled_by_loads, 0);
}

TEST_F(StandingIn, keeps_the_stand_in_where_both_do_not_fit) {
  slow_->fails_to_load = true;
  put_slow("m", 1, "scale 2");
  start(ModelControlMode::kExplicit, {"m"});
  service_->await_prepared();
  EXPECT_EQ(state(), "failed");
  EXPECT_EQ(preparation().reason, "no memory for two");
  EXPECT_EQ(answer("m"), "2");
  // What was compiled is good: the next load needs no stand-in.
  EXPECT_EQ(slow_->forgotten, 0);
  slow_->fails_to_load = false;
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(runtime(), "Slow 1");
  EXPECT_EQ(slow_->compiles, 1);
}

TEST_F(StandingIn, is_given_up_when_the_model_is_unloaded) {
  put_slow("m", 1, "scale 3");
  start_compiling();
  EXPECT_TRUE(service_->unload("m").ok());
  service_->await_settled();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded");
  slow_->gate.open();
  service_->await_prepared();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded");
  EXPECT_EQ(slow_->models.loads, 0);
  EXPECT_EQ(ends(), "0 0 0 1");
  EXPECT_TRUE(std::filesystem::is_empty(cache_.path()));
  // And it can be had again.
  EXPECT_TRUE(load("m").ok());
  service_->await_prepared();
  EXPECT_EQ(runtime(), "Slow 1");
}

TEST_F(StandingIn, is_given_up_when_the_model_is_unloaded_while_what_was_compiled_loads) {
  put_slow("m", 1, "scale 3");
  slow_->load_gate.shut();
  start(ModelControlMode::kExplicit, {"m"});
  slow_->load_gate.await_standing();
  EXPECT_EQ(state(), "loading");
  EXPECT_TRUE(service_->unload("m").ok());
  service_->await_settled();
  slow_->load_gate.open();
  service_->await_prepared();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded");
  EXPECT_EQ(ends(), "0 0 0 1");
}

TEST_F(StandingIn, is_given_up_while_it_is_verified) {
  put_slow("m", 1, "scale 3");
  slow_->gate.shut();
  start(ModelControlMode::kExplicit, {"m"});
  slow_->gate.await_standing();
  backend_->run_gate.shut();
  slow_->gate.open();
  // The stand-in is asked for what it says.
  backend_->run_gate.await_standing();
  EXPECT_EQ(state(), "verifying");
  EXPECT_TRUE(service_->unload("m").ok());
  backend_->run_gate.open();
  service_->await_prepared();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded");
  EXPECT_EQ(ends(), "0 0 0 1");
}

TEST_F(StandingIn, is_given_up_when_the_service_stops) {
  put_slow("m", 1, "scale 3");
  start_compiling();
  service_->begin_stop();
  EXPECT_EQ(answer("m"), "3");
  EXPECT_TRUE(service_->drain(std::chrono::hours(1)));
  slow_->gate.open();
  service_.reset();
  EXPECT_EQ(slow_->models.loads, 0);
  EXPECT_TRUE(std::filesystem::is_empty(cache_.path()));
}

TEST_F(StandingIn, is_given_up_when_the_stand_in_breaks) {
  put_slow("m", 1, "fault the device is gone");
  start_compiling();
  backend_->faults = true;
  EXPECT_EQ(answer("m"), "INTERNAL: the device is gone");
  slow_->gate.open();
  service_->await_prepared();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE the device is gone");
  EXPECT_EQ(ends(), "0 0 0 1");
}

TEST_F(StandingIn, goes_on_one_at_a_time) {
  put_slow("a", 1, "scale 1");
  put_slow("b", 1, "scale 2");
  start_compiling();
  EXPECT_EQ(answer("a"), "1");
  EXPECT_EQ(answer("b"), "2");
  const std::string first = state("a") == "building" ? "a" : "b";
  const std::string second = first == "a" ? "b" : "a";
  EXPECT_EQ(state(first), "building");
  EXPECT_EQ(state(second), "waiting");
  slow_->gate.open();
  service_->await_prepared();
  EXPECT_EQ(runtime("a") + runtime("b"), "Slow 1Slow 1");
  EXPECT_EQ(slow_->compiles, 2);
}

TEST_F(StandingIn, lets_one_that_waits_go_without_its_turn) {
  put_slow("a", 1, "scale 1");
  put_slow("b", 1, "scale 2");
  start_compiling();
  const std::string waiting = state("a") == "waiting" ? "a" : "b";
  EXPECT_TRUE(service_->unload(waiting).ok());
  service_->await_settled();
  EXPECT_EQ(ends(), "0 0 0 1");
  slow_->gate.open();
  service_->await_prepared();
  EXPECT_EQ(slow_->compiles, 1);
}

TEST_F(StandingIn, goes_on_where_the_same_is_loaded_again) {
  put_slow("m", 1, "scale 3");
  start_compiling();
  EXPECT_TRUE(load("m").ok());
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(state(), "building");
  slow_->gate.open();
  service_->await_prepared();
  EXPECT_EQ(runtime(), "Slow 1");
  EXPECT_EQ(slow_->compiles, 1);
  EXPECT_EQ(ends(), "1 0 0 0");
}

TEST_F(StandingIn, begins_anew_where_something_else_is_loaded) {
  put_slow("m", 1, "scale 3");
  start_compiling();
  put("m", 1, "scale 4");
  EXPECT_TRUE(load("m").ok());
  EXPECT_EQ(answer("m"), "4");
  EXPECT_EQ(state(), "waiting");
  slow_->gate.open();
  service_->await_prepared();
  EXPECT_EQ(runtime(), "Slow 1");
  EXPECT_EQ(answer("m"), "4");
  EXPECT_EQ(ends(), "1 0 0 1");
}

TEST_F(StandingIn, follows_a_newer_version_on_disk) {
  put_slow("m", 1, "scale 3");
  start_compiling(ModelControlMode::kPoll);
  put("m", 2, "scale 4");
  service_->poll();
  service_->poll();
  service_->await_settled();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded; m 2 READY");
  EXPECT_EQ(answer("m"), "4");
  EXPECT_EQ(runtime(), stand_in_);
  slow_->gate.open();
  service_->await_prepared();
  EXPECT_EQ(answer("m"), "4");
  EXPECT_EQ(runtime(), "Slow 1");
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded; m 2 READY");
  EXPECT_EQ(ends(), "1 0 0 1");
}

class Replacing : public StandingIn {
 protected:
  // Version 1 runs on what was compiled, and version 2 is being compiled.
  void start_replacing() {
    put_slow("m", 1, "scale 3");
    start(ModelControlMode::kExplicit, {"m"});
    service_->await_prepared();
    slow_->gate.shut();
    put("m", 2, "scale 4");
    service_->load("m", std::nullopt,
                   [loaded = loaded_](Status status) { loaded->set_value(std::move(status)); });
    slow_->gate.await_standing();
  }
  // The service, which may answer in its end, outlives what belongs to this class.
  std::shared_ptr<std::promise<Status>> loaded_ = std::make_shared<std::promise<Status>>();
};

TEST_F(Replacing, puts_no_stand_in_in_the_place_of_what_was_compiled) {
  start_replacing();
  const int loads = backend_->loads;
  EXPECT_EQ(index(), "m 1 READY; m 2 LOADING");
  EXPECT_EQ(answer("m"), "3");
  EXPECT_EQ(runtime(), "Slow 1");
  EXPECT_EQ(state("m", 2), "building");
  slow_->gate.open();
  EXPECT_TRUE(loaded_->get_future().get().ok());
  service_->await_prepared();
  EXPECT_EQ(answer("m"), "4");
  EXPECT_EQ(state(), "in_use");
  EXPECT_EQ(backend_->loads, loads);
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded; m 2 READY");
  EXPECT_EQ(slow_->compiled_by_loads, 0);
}

TEST_F(Replacing, keeps_what_runs_where_compiling_fails) {
  start_replacing();
  slow_->fails = true;
  slow_->gate.open();
  EXPECT_EQ(loaded_->get_future().get().to_string(), "INTERNAL: no kernel fits");
  EXPECT_EQ(answer("m"), "3");
  EXPECT_EQ(index(), "m 1 READY; m 2 UNAVAILABLE no kernel fits");
  EXPECT_EQ(state("m", 2), "failed");
}

TEST_F(Replacing, ends_when_the_model_is_unloaded) {
  start_replacing();
  EXPECT_TRUE(service_->unload("m").ok());
  slow_->gate.open();
  EXPECT_EQ(loaded_->get_future().get().code(), StatusCode::kUnavailable);
  service_->await_prepared();
  EXPECT_EQ(index(), "m 1 UNAVAILABLE unloaded; m 2 UNAVAILABLE unloaded");
  EXPECT_EQ(state("m", 2), "none");
}

TEST_F(Replacing, ends_when_the_service_stops) {
  start_replacing();
  service_->begin_stop();
  slow_->gate.open();
  EXPECT_EQ(loaded_->get_future().get().code(), StatusCode::kUnavailable);
}

TEST_F(Replacing, does_not_wait_for_the_preparation_of_another_to_be_unloaded) {
  put_slow("other", 1, "scale 7");
  start_replacing();
  // "m" 2 is being compiled, and "other" is to be compiled before it serves.
  put_slow("other", 1, "scale 7", parameter("build", "first"));
  std::promise<Status> done;
  service_->load("other", std::nullopt,
                 [&done](Status status) { done.set_value(std::move(status)); });
  EXPECT_TRUE(service_->unload("other").ok());
  EXPECT_EQ(done.get_future().get().code(), StatusCode::kUnavailable);
  EXPECT_EQ(answer("m"), "3");
}

TEST_F(StandingIn, compiles_first_where_the_configuration_says_so) {
  put_slow("m", 1, "scale 3", parameter("build", "first"));
  slow_->gate.shut();
  EXPECT_TRUE(try_start(ModelControlMode::kExplicit, {"m"}).ok());
  slow_->gate.await_standing();
  EXPECT_EQ(index(), "m 1 LOADING");
  EXPECT_EQ(answer("m"), "UNAVAILABLE: model 'm' is still being loaded");
  slow_->gate.open();
  (void)service_->await_loaded();
  EXPECT_EQ(runtime(), "Slow 1");
  EXPECT_EQ(state(), "in_use");
  EXPECT_EQ(backend_->loads, 0);
}

TEST_F(StandingIn, compiles_first_where_nothing_can_stand_in) {
  put_slow("a", 1, "scale 3", parameter("fallback_backend", "nowhere"));
  put_slow("b", 1, "scale 4", parameter("fallback_backend", "openvino"));
  const auto full = std::make_shared<SlowBackend>();
  full->fails_to_load = true;
  options_.backends["openvino"] = full;
  start();
  EXPECT_EQ(runtime("a"), "Slow 1");
  EXPECT_EQ(runtime("b"), "Slow 1");
  EXPECT_EQ(answer("b"), "4");
  EXPECT_EQ(ends(), "2 0 0 0");
}

TEST_F(StandingIn, needs_no_folder_for_what_is_compiled) {
  options_.service.compiled_cache.clear();
  put_slow("m", 1, "scale 3");
  start();
  service_->await_prepared();
  EXPECT_EQ(runtime(), "Slow 1");
  EXPECT_EQ(slow_->compiles, 1);
  EXPECT_EQ(slow_->compiled_by_loads, 0);
}

TEST_F(StandingIn, has_a_gpu_stand_in_where_the_backend_has_one) {
  backend_->device_names = {"CUDAExecutionProvider", "CPUExecutionProvider"};
  backend_->device_id = "3";
  put_slow("m", 1, "scale 3", parameter("device", "3"));
  start_compiling();
  EXPECT_EQ(backend_->loads_on_gpu, 1);
  EXPECT_EQ(backend_->loads, 1);
  EXPECT_EQ(runtime(), stand_in_);
}

TEST_F(StandingIn, scales_the_pixels_that_the_model_is_to_scale_itself) {
  put_slow("m", 1, "pixels",
           "max_batch_size: 4 input { name: \"x\" data_type: TYPE_UINT8 dims: [ 1, 1, 2 ] } "
           "output { name: \"y\" data_type: TYPE_FP32 dims: [ 2 ] } " +
               parameter("image.scale", "0.5"));
  start_compiling();
  EXPECT_EQ(runtime(), stand_in_);
  const std::vector<std::uint8_t> pixels = {4, 8};
  InferRequest request = request_of(
      "x", *Tensor::copy_of(DataType::kUint8, {1, 1, 1, 2}, std::as_bytes(std::span(pixels))));
  request.model = "m";
  std::promise<Outcome> answered;
  service_->infer(std::move(request),
                  [&answered](Outcome outcome) { answered.set_value(std::move(outcome)); });
  const Outcome outcome = answered.get_future().get();
  ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
  EXPECT_EQ(values_of(*outcome->find("y")), (std::vector<float>{2, 4}));
}

TEST_F(StandingIn, has_the_cpu_stand_in_where_the_gpu_does_not) {
  backend_->device_names = {"CUDAExecutionProvider"};
  backend_->no_gpu = true;
  put_slow("m", 1, "scale 3");
  start_compiling();
  EXPECT_EQ(backend_->loads_on_gpu, 1);
  EXPECT_EQ(backend_->loads, 2);
  EXPECT_EQ(answer("m"), "3");
}

}  // namespace
}  // namespace muster::testing
