// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <future>
#include <limits>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <muster/image.h>
#include <muster/service.h>

#include "base/log.h"
#include "serving/testing/fake_models.h"
#include "serving/testing/model_directory.h"

namespace muster::testing {
namespace {

// pixels [N,1,2,2] -> scores [N,3]: the sum of the pixels, 0, and 1.
std::shared_ptr<FakeModel> picture_model() {
  auto model = std::make_shared<FakeModel>();
  model->signature = {{fp32("pixels", {-1, 1, 2, 2})}, {fp32("scores", {-1, 3})}};
  model->compute = [](const Inputs& inputs) -> Result<Outputs> {
    const auto pixels = inputs[0].elements<float>();
    std::vector<float> scores;
    for (std::size_t i = 0; i < pixels.size(); i += 4) {
      scores.push_back(pixels[i] + pixels[i + 1] + pixels[i + 2] + pixels[i + 3]);
      scores.push_back(0);
      scores.push_back(1);
    }
    Outputs outputs;
    outputs.push_back(floats({inputs[0].shape[0], 3}, scores));
    return outputs;
  };
  return model;
}

Buffer picture_file() {
  return *read_picture_file(std::string(MUSTER_SOURCE_DIR) + "/tests/pictures/gray.png");
}

class ModelServiceTest : public ::testing::Test {
 protected:
  ModelServiceTest() { set_log_level(LogLevel::kOff); }
  ~ModelServiceTest() override { set_log_level(LogLevel::kWarning); }

  void open(std::shared_ptr<FakeModel> model, std::string_view config = "") {
    model_ = std::move(model);
    directory_.write("1/model.onnx", "the fake backend does not look");
    if (!config.empty()) directory_.write("config.pbtxt", config);
    ServiceOptions options;
    options.backend = std::make_shared<FakeBackend>(model_);
    auto opened = ModelService::open(directory_.path(), options);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    service_ = *std::move(opened);
  }

  const ModelDirectory directory_;
  std::shared_ptr<FakeModel> model_;
  std::unique_ptr<ModelService> service_;
};

TEST_F(ModelServiceTest, answers_in_each_of_its_three_ways) {
  open(linear_model());
  EXPECT_EQ(values_of(*service_->infer(linear_request(1, 2))->find("y")), linear(1, 2));
  EXPECT_EQ(values_of(*service_->submit(linear_request(3, 4)).get()->find("y")), linear(3, 4));
  std::promise<Result<InferResponse>> promise;
  service_->infer(linear_request(5, 6),
                  [&](Result<InferResponse> outcome) { promise.set_value(std::move(outcome)); });
  EXPECT_EQ(values_of(*promise.get_future().get()->find("y")), linear(5, 6));
  EXPECT_EQ(service_->statistics().requests_succeeded, 3U);
}

TEST_F(ModelServiceTest, answers_many_threads_at_once) {
  open(linear_model(), "max_batch_size: 8 dynamic_batching { max_queue_delay_microseconds: 200 }");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      for (int j = 0; j < 20; ++j) {
        const auto a = static_cast<float>(i);
        const auto b = static_cast<float>(j);
        const auto outcome = service_->infer(linear_request(a, b));
        ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
        EXPECT_EQ(values_of(*outcome->find("y")), linear(a, b));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(service_->statistics().requests_succeeded, 160U);
  EXPECT_EQ(service_->statistics().rows, 160U);
}

TEST_F(ModelServiceTest, answers_every_future_before_it_is_gone) {
  open(linear_model(),
       "max_batch_size: 64 dynamic_batching { max_queue_delay_microseconds: 86400000000 }");
  std::vector<std::future<Result<InferResponse>>> pending;
  for (int i = 0; i < 10; ++i)
    pending.push_back(service_->submit(linear_request(1, 2)));
  service_.reset();
  for (auto& future : pending)
    EXPECT_EQ(values_of(*future.get()->find("y")), linear(1, 2));
}

TEST_F(ModelServiceTest, cancels_by_ticket) {
  open(linear_model(),
       "max_batch_size: 64 dynamic_batching { max_queue_delay_microseconds: 86400000000 }");
  InferRequest request = linear_request(1, 2);
  const RequestTicket ticket = request.ticket = new_ticket();
  auto pending = service_->submit(std::move(request));
  EXPECT_TRUE(service_->cancel(ticket));
  EXPECT_EQ(pending.get().status().code(), StatusCode::kCancelled);
}

TEST_F(ModelServiceTest, refuses_everything_once_closed) {
  open(linear_model());
  service_->close();
  service_->close();
  EXPECT_EQ(service_->infer(linear_request(1, 2)).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(service_->submit(linear_request(1, 2)).get().status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(service_->statistics().requests_refused, 2U);
}

TEST_F(ModelServiceTest, describes_its_only_model) {
  open(linear_model());
  for (const char* name : {"", "model"}) {
    const auto description = service_->describe(name);
    ASSERT_TRUE(description.ok());
    EXPECT_EQ((*description)->config.name, "model");
    EXPECT_EQ((*description)->runtime, "Fake 1.0");
  }
  EXPECT_EQ(service_->describe("other\n").status().to_string(),
            "NOT_FOUND: there is no model 'other\\x0a' here, only 'model'");
  EXPECT_EQ(service_->signature().inputs[0].name, "x");
  EXPECT_EQ(service_->config().name, "model");
}

TEST_F(ModelServiceTest, keeps_its_description_alive_for_who_holds_it) {
  open(linear_model());
  const auto description = *service_->describe("");
  service_.reset();
  EXPECT_EQ(description->signature.outputs[0].name, "y");
}

TEST_F(ModelServiceTest, classifies_a_picture) {
  directory_.write("labels.txt", "bright\ndark\nmiddle\n");
  open(picture_model());
  const Buffer file = picture_file();
  std::array<float, 4> row{};
  ASSERT_TRUE(
      file_to_row(file.bytes(), *service_->config().image, std::as_writable_bytes(std::span(row)))
          .ok());
  const double sum = static_cast<double>(row[0] + row[1] + row[2] + row[3]);
  const auto best = service_->classify(file.bytes(), 3);
  ASSERT_TRUE(best.ok()) << best.status().to_string();
  ASSERT_EQ(best->size(), 3U);
  const double weights = std::exp(sum) + 1 + std::exp(1.0);
  const std::map<std::string, double> expected = {{"bright", std::exp(sum) / weights},
                                                  {"dark", 1 / weights},
                                                  {"middle", std::exp(1.0) / weights}};
  for (const ClassScore& score : *best) {
    EXPECT_NEAR(score.probability, expected.at(score.label), 1e-6) << score.label;
  }
  EXPECT_EQ(service_->classify(file.bytes())->size(), 1U);
  EXPECT_EQ(service_->classify(file.bytes(), 0)->size(), 0U);
}

TEST_F(ModelServiceTest, refuses_what_is_no_picture) {
  open(picture_model());
  EXPECT_EQ(service_->classify({}).status().code(), StatusCode::kInvalidArgument);
  const std::string text = "this is no picture";
  EXPECT_EQ(service_->classify(std::as_bytes(std::span(text))).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(service_->statistics().requests_accepted, 0U);
}

TEST_F(ModelServiceTest, classifies_nothing_with_a_model_that_takes_no_pictures) {
  open(linear_model());
  const auto refused = service_->classify(picture_file().bytes());
  EXPECT_EQ(refused.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(refused.status().message().starts_with("model 'model' takes no pictures: "))
      << refused.status().message();
}

TEST_F(ModelServiceTest, does_not_rank_classes_that_are_not_numbers) {
  open(picture_model());
  model_->compute = [](const Inputs&) -> Result<Outputs> {
    Outputs outputs;
    outputs.push_back(floats({1, 3}, {0, std::numeric_limits<float>::quiet_NaN(), 1}));
    return outputs;
  };
  EXPECT_EQ(service_->classify(picture_file().bytes()).status().to_string(),
            "DATA_LOSS: the model's output for row 0 is not a number");
}

TEST_F(ModelServiceTest, ranks_every_row_of_a_response) {
  open(linear_model());
  const auto response = service_->infer(request_of("x", floats({2, 2}, {0, 5, 5, 0})));
  ASSERT_TRUE(response.ok());
  const auto scores = service_->scores(*response, 1);
  ASSERT_TRUE(scores.ok());
  EXPECT_EQ((*scores)[0][0].index, 1);
  EXPECT_EQ((*scores)[1][0].index, 0);
}

TEST_F(ModelServiceTest, says_which_output_a_response_lacks) {
  open(linear_model());
  EXPECT_EQ(service_->scores(InferResponse(), 1).status().to_string(),
            "INVALID_ARGUMENT: the response has no output 'y'");
}

}  // namespace
}  // namespace muster::testing
