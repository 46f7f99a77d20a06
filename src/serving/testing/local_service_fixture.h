// SPDX-License-Identifier: Apache-2.0
// LocalServiceTest: a service over a folder of ScalingBackend's models, under a FakeClock.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/log.h"
#include "base/testing/fake_clock.h"
#include "serving/local_service.h"
#include "serving/testing/model_directory.h"
#include "serving/testing/scaling_backend.h"

namespace muster::testing {

using Outcome = Result<InferResponse>;

class LocalServiceTest : public ::testing::Test {
 protected:
  LocalServiceTest() : directory_("repository") { set_log_level(LogLevel::kOff); }
  ~LocalServiceTest() override {
    backend_->gate.open();
    backend_->run_gate.open();
    service_.reset();
    set_log_level(LogLevel::kWarning);
  }

  // A version's model file, and what it says.
  void put(const std::string& model, int version, const std::string& text) const {
    directory_.write(model + "/" + std::to_string(version) + "/model.onnx", text);
  }

  Status try_start(ModelControlMode control = ModelControlMode::kNone,
                   std::vector<std::string> load_models = {}) {
    options_.repositories = {directory_.path()};
    options_.control = control;
    options_.load_models = std::move(load_models);
    options_.backends["onnxruntime"] = backend_;
    auto started = LocalService::start(options_, clock_);
    if (!started.ok()) return started.status();
    service_ = *std::move(started);
    return {};
  }
  void start(ModelControlMode control = ModelControlMode::kNone,
             std::vector<std::string> load_models = {}) {
    const Status status = try_start(control, std::move(load_models));
    ASSERT_TRUE(status.ok()) << status.to_string();
    (void)service_->await_loaded();
  }

  std::future<Outcome> submit(const std::string& model, std::int64_t version = 0, float x = 1) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    InferRequest request = request_of("x", floats({1, 2}, {x, 2 * x}));
    request.model = model;
    request.version = version;
    service_->infer(std::move(request),
                    [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
    return promise->get_future();
  }
  // The factor that the model answers with, or its error.
  std::string answer(const std::string& model, std::int64_t version = 0) {
    const Outcome outcome = submit(model, version).get();
    if (!outcome.ok()) return outcome.status().to_string();
    return std::to_string(static_cast<int>(values_of(*outcome->find("y"))[0]));
  }
  Status load(const std::string& model, std::optional<std::string> config = std::nullopt) {
    std::promise<Status> promise;
    service_->load(model, std::move(config),
                   [&promise](Status status) { promise.set_value(std::move(status)); });
    return promise.get_future().get();
  }
  // "a 1 READY; b 2 UNAVAILABLE why"
  [[nodiscard]] std::string index(bool ready = false) const {
    std::string text;
    for (const ModelIndexEntry& entry : service_->index(ready)) {
      text += text.empty() ? "" : "; ";
      text += entry.name;
      if (entry.version != 0) text += " " + std::to_string(entry.version);
      if (entry.state != ModelState::kUnknown) text += " ";
      text += model_state_name(entry.state);
      if (!entry.reason.empty()) text += " " + entry.reason;
    }
    return text;
  }

  FakeClock clock_;
  const ModelDirectory directory_;
  const std::shared_ptr<ScalingBackend> backend_ = std::make_shared<ScalingBackend>();
  LocalServiceOptions options_;
  std::unique_ptr<LocalService> service_;
};

}  // namespace muster::testing
