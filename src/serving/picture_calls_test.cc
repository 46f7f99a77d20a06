// SPDX-License-Identifier: Apache-2.0
#include "serving/picture_calls.h"

#include <cstddef>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "serving/testing/local_service_fixture.h"

namespace muster::testing {
namespace {

using PictureOutcome = Result<PictureResponse>;

std::string bytes_of(const std::string& picture) {
  std::ifstream stream(std::string(MUSTER_SOURCE_DIR "/tests/pictures/") + picture,
                       std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class PictureCallsTest : public LocalServiceTest {
 protected:
  PictureCallsTest() {
    put("m", 1, "pixels");
    options_.picture_threads = 1;
  }

  static PictureRequest request_of(std::vector<std::string> files) {
    auto owner = std::make_shared<std::vector<std::string>>(std::move(files));
    PictureRequest request;
    request.model = "m";
    request.top_k = 2;
    for (const std::string& file : *owner)
      request.files.push_back(std::as_bytes(std::span(file)));
    request.owner = owner;
    return request;
  }
  std::future<PictureOutcome> submit(PictureRequest request) {
    auto promise = std::make_shared<std::promise<PictureOutcome>>();
    service_->classify(std::move(request), [promise](PictureOutcome outcome) {
      promise->set_value(std::move(outcome));
    });
    return promise->get_future();
  }
  PictureOutcome classify(std::vector<std::string> files) {
    return submit(request_of(std::move(files))).get();
  }
  // Keeps the only decoding thread busy until the gate opens.
  void hold_decoding(Gate& gate) {
    gate.shut();
    service_->classify(request_of({bytes_of("gray.png")}),
                       [&gate](const PictureOutcome&) { gate.pass(); });
    gate.await_standing();
  }

  static std::vector<double> probabilities(const std::vector<ClassScore>& scores) {
    std::vector<double> by_index(2);
    for (const ClassScore& score : scores)
      by_index.at(static_cast<std::size_t>(score.index)) = score.probability;
    return by_index;
  }
};

TEST_F(PictureCallsTest, makes_one_request_of_all_pictures_in_their_order) {
  start();
  const auto gray = bytes_of("gray.png");
  const auto color = bytes_of("rgb.png");
  const auto first = classify({gray});
  const auto second = classify({color});
  ASSERT_TRUE(first.ok() && second.ok()) << first.status().to_string();
  const auto both = classify({gray, color});
  ASSERT_TRUE(both.ok()) << both.status().to_string();
  ASSERT_EQ(both->pictures.size(), 2U);
  EXPECT_EQ(probabilities(both->pictures[0]), probabilities(first->pictures[0]));
  EXPECT_EQ(probabilities(both->pictures[1]), probabilities(second->pictures[0]));
  EXPECT_NE(probabilities(both->pictures[0]), probabilities(both->pictures[1]));
  EXPECT_EQ(both->batch.rows, 2);
  EXPECT_EQ(both->batch.requests, 1);
  ASSERT_NE(both->model, nullptr);
  EXPECT_EQ(both->model->version, 1);
}

TEST_F(PictureCallsTest, names_the_picture_that_is_none) {
  start();
  const auto outcome = classify({bytes_of("gray.png"), "no picture", bytes_of("rgb.png")});
  EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(outcome.status().message().substr(0, 11), "picture 2: ");
}

TEST_F(PictureCallsTest, refuses_a_call_without_pictures_and_a_model_that_takes_none) {
  put("numbers", 1, "scale 1");
  start();
  EXPECT_EQ(classify({}).status().code(), StatusCode::kInvalidArgument);
  PictureRequest request = request_of({bytes_of("gray.png")});
  request.model = "numbers";
  EXPECT_EQ(submit(std::move(request)).get().status().code(), StatusCode::kFailedPrecondition);
  request = request_of({bytes_of("gray.png")});
  request.model = "nobody";
  EXPECT_EQ(submit(std::move(request)).get().status().code(), StatusCode::kNotFound);
}

TEST_F(PictureCallsTest, refuses_more_pictures_than_may_wait) {
  options_.max_waiting_pictures = 3;
  start();
  Gate gate;
  hold_decoding(gate);
  const auto gray = bytes_of("gray.png");
  auto two = submit(request_of({gray, gray}));
  EXPECT_EQ(classify({gray, gray}).status().code(), StatusCode::kResourceExhausted);
  auto one = submit(request_of({gray}));
  EXPECT_EQ(classify({gray}).status().code(), StatusCode::kResourceExhausted);
  gate.open();
  EXPECT_TRUE(two.get().ok());
  EXPECT_TRUE(one.get().ok());
  EXPECT_TRUE(classify({gray, gray, gray}).ok());
}

TEST_F(PictureCallsTest, refuses_more_bytes_than_may_wait) {
  const auto gray = bytes_of("gray.png");
  options_.max_waiting_picture_bytes = gray.size();
  start();
  EXPECT_EQ(classify({gray, gray}).status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(classify({gray}).ok());
}

TEST_F(PictureCallsTest, answers_too_late_pictures_without_decoding_them) {
  start();
  Gate gate;
  hold_decoding(gate);
  PictureRequest request = request_of({"no picture"});
  request.deadline = clock_.now() + std::chrono::seconds(1);
  auto late = submit(std::move(request));
  clock_.advance(std::chrono::seconds(2));
  gate.open();
  EXPECT_EQ(late.get().status().code(), StatusCode::kDeadlineExceeded);
  request = request_of({"no picture"});
  request.deadline = clock_.now();
  EXPECT_EQ(submit(std::move(request)).get().status().code(), StatusCode::kDeadlineExceeded);
}

TEST_F(PictureCallsTest, cancels_a_call_before_it_is_decoded_and_after) {
  directory_.write("m/config.pbtxt", "max_batch_size: 1");
  start();
  Gate gate;
  hold_decoding(gate);
  PictureRequest request = request_of({bytes_of("gray.png")});
  const RequestTicket waiting_to_be_decoded = request.ticket = new_ticket();
  auto undecoded = submit(std::move(request));
  EXPECT_TRUE(service_->cancel(waiting_to_be_decoded));
  EXPECT_EQ(undecoded.get().status().code(), StatusCode::kCancelled);
  EXPECT_FALSE(service_->cancel(waiting_to_be_decoded));
  gate.open();

  const auto model = backend_->newest_model();
  model->gate.shut();
  auto held = submit(request_of({bytes_of("gray.png")}));
  model->gate.await_standing();
  request = request_of({bytes_of("gray.png")});
  const RequestTicket waiting_for_a_session = request.ticket = new_ticket();
  auto waiting = submit(std::move(request));
  while (!service_->cancel(waiting_for_a_session)) {
  }
  EXPECT_EQ(waiting.get().status().code(), StatusCode::kCancelled);
  model->gate.open();
  EXPECT_TRUE(held.get().ok());
}

TEST_F(PictureCallsTest, answers_what_it_accepted_before_the_service_ends) {
  start();
  Gate gate;
  hold_decoding(gate);
  auto waiting = submit(request_of({bytes_of("gray.png")}));
  EXPECT_FALSE(service_->drain(std::chrono::milliseconds(0)));
  EXPECT_EQ(classify({bytes_of("gray.png")}).status().code(), StatusCode::kUnavailable);
  gate.open();
  EXPECT_TRUE(waiting.get().ok());
  EXPECT_TRUE(service_->drain(std::chrono::hours(1)));
}

}  // namespace
}  // namespace muster::testing
