// SPDX-License-Identifier: Apache-2.0
// ServedModelTest: a model of FakeBackend's, served from a folder under a FakeClock.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "base/log.h"
#include "base/testing/fake_clock.h"
#include "serving/served_model.h"
#include "serving/testing/fake_models.h"
#include "serving/testing/model_directory.h"

namespace muster::testing {

using Outcome = Result<InferResponse>;

class ServedModelTest : public ::testing::Test {
 protected:
  static constexpr std::chrono::hours kLong{1};
  // Batches of 4 rows that wait for one another as long as the clock stands still.
  static constexpr std::string_view kBatchesOf4 =
      "max_batch_size: 4 dynamic_batching { max_queue_delay_microseconds: 3600000000 }";
  // Batches of 4 rows that wait for nobody.
  static constexpr std::string_view kAtOnce = "max_batch_size: 4 dynamic_batching {}";

  ServedModelTest() { set_log_level(LogLevel::kOff); }
  ~ServedModelTest() override { set_log_level(LogLevel::kWarning); }

  Status try_open(std::shared_ptr<FakeModel> model, std::string_view config,
                  ServiceOptions options = {}) {
    model_ = std::move(model);
    directory_.write("1/model.onnx", "the fake backend does not look");
    if (!config.empty()) directory_.write("config.pbtxt", config);
    options.backend = std::make_shared<FakeBackend>(model_);
    auto opened = ServedModel::open(directory_.path(), options, clock_);
    if (!opened.ok()) return opened.status();
    served_ = *std::move(opened);
    model_->forget_runs();  // of the warm-up
    return {};
  }
  void open(std::shared_ptr<FakeModel> model, std::string_view config,
            ServiceOptions options = {}) {
    const Status status = try_open(std::move(model), config, std::move(options));
    ASSERT_TRUE(status.ok()) << status.to_string();
  }

  std::future<Outcome> submit(InferRequest request) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    served_->infer(std::move(request),
                   [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
    return promise->get_future();
  }
  // Hands in one that comes to stand in the middle of its run.
  std::future<Outcome> submit_and_hold(InferRequest request) {
    model_->gate.shut();
    std::future<Outcome> held = submit(std::move(request));
    model_->gate.await_standing();
    return held;
  }

  static std::vector<float> values(const Outcome& outcome, std::string_view output = "y") {
    if (!outcome.ok()) {
      ADD_FAILURE() << outcome.status().to_string();
      return {};
    }
    const Tensor* tensor = outcome->find(output);
    if (tensor == nullptr) {
      ADD_FAILURE() << "no output " << output;
      return {};
    }
    return values_of(*tensor);
  }
  static std::string error(const Outcome& outcome) { return outcome.status().to_string(); }

  void expect_that_statistics_add_up() {
    const ServiceStatistics totals = served_->statistics();
    EXPECT_EQ(totals.requests_accepted, totals.requests_succeeded + totals.requests_failed +
                                            totals.requests_expired + totals.requests_cancelled);
    std::uint64_t rows = 0;
    std::uint64_t batches = 0;
    for (const auto& [size, count] : totals.batches_by_rows) {
      rows += static_cast<std::uint64_t>(size) * count;
      batches += count;
    }
    EXPECT_EQ(totals.rows, rows);
    EXPECT_EQ(totals.batches, batches);
    std::uint64_t by_reason = 0;
    for (const std::uint64_t count : totals.batches_by_reason)
      by_reason += count;
    EXPECT_EQ(totals.batches, by_reason);
  }
  [[nodiscard]] std::uint64_t batches_closed_by(CloseReason reason) const {
    return served_->statistics().batches_by_reason[static_cast<std::size_t>(reason)];
  }

  FakeClock clock_;
  const ModelDirectory directory_;
  std::shared_ptr<FakeModel> model_;
  std::unique_ptr<ServedModel> served_;
};

}  // namespace muster::testing
