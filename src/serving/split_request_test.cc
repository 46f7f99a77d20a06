// SPDX-License-Identifier: Apache-2.0
#include "serving/split_request.h"

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "inference/tensor_source.h"
#include "serving/testing/served_model_fixture.h"

namespace muster {
namespace {

using testing::echo_model;
using testing::floats;
using testing::linear;
using testing::linear_model;
using testing::Outcome;
using testing::request_of;
using testing::values_of;

// The parts end unanswered, which is a failure.
void ignore(RequestTicket /*ticket*/) {}

TEST(SplitRequest, gives_parts_that_fit_in_order_without_a_copy) {
  PendingRequest whole;
  std::vector<float> numbers(20);
  std::iota(numbers.begin(), numbers.end(), 0);
  whole.rows = 10;
  whole.row_key = 5;
  whole.outputs = {1};
  whole.request = request_of("x", floats({10, 2}, numbers), "id");
  whole.request.priority = 3;
  whole.request.received_at = TimePoint(std::chrono::seconds(7));
  const std::byte* const begin = whole.request.inputs[0].tensor.bytes.data();
  const auto parts = split_request(std::move(whole), 4, ignore);
  ASSERT_EQ(parts.size(), 3U);
  std::size_t offset = 0;
  const RequestTicket ticket = parts[0]->request.ticket;
  EXPECT_NE(ticket, 0U);
  for (const std::int64_t rows : {4, 4, 2}) {
    const PendingRequest& part = *parts[offset / 32];
    EXPECT_EQ(part.rows, rows);
    EXPECT_EQ(part.request.inputs[0].tensor.shape, Shape({rows, 2}));
    EXPECT_EQ(part.request.inputs[0].tensor.bytes.data(), begin + offset);
    EXPECT_EQ(part.bytes, static_cast<std::size_t>(rows) * 8);
    EXPECT_EQ(part.row_key, 5U);
    EXPECT_EQ(part.outputs, (std::vector<std::size_t>{1}));
    EXPECT_EQ(part.request.priority, 3U);
    EXPECT_EQ(part.request.received_at, TimePoint(std::chrono::seconds(7)));
    EXPECT_EQ(part.request.ticket, ticket);
    offset += part.bytes;
  }
}

// Each byte is its own place.
class PlaceSource final : public TensorSource {
 public:
  using TensorSource::TensorSource;
  [[nodiscard]] Status read(std::size_t offset, std::span<std::byte> into) const override {
    for (std::byte& byte : into)
      byte = static_cast<std::byte>(offset++);
    return {};
  }
};

TEST(SplitRequest, leaves_a_source_to_be_read_part_by_part) {
  PendingRequest whole;
  whole.rows = 5;
  whole.request.inputs.push_back(
      {"x", {DataType::kUint8, {5, 3}, {}}, std::make_shared<const PlaceSource>(15U)});
  const auto parts = split_request(std::move(whole), 2, ignore);
  ASSERT_EQ(parts.size(), 3U);
  std::size_t begin = 0;
  for (const PendingRequestPtr& part : parts) {
    const InferInput& input = part->request.inputs.at(0);
    ASSERT_NE(input.source, nullptr);
    const std::size_t size = static_cast<std::size_t>(part->rows) * 3;
    EXPECT_EQ(part->bytes, size);
    EXPECT_EQ(input.source->size(), size);
    EXPECT_EQ(input.tensor.shape, Shape({part->rows, 3}));
    EXPECT_TRUE(input.tensor.bytes.empty());
    std::vector<std::byte> bytes(size - 1);
    ASSERT_TRUE(input.source->read(1, bytes).ok());
    EXPECT_EQ(bytes.front(), static_cast<std::byte>(begin + 1));
    EXPECT_EQ(bytes.back(), static_cast<std::byte>(begin + size - 1));
    begin += size;
  }
  EXPECT_EQ(begin, 15U);
}

// Twelve bytes of a GPU.
class GpuSource final : public TensorSource {
 public:
  GpuSource() : TensorSource(12) {}
  [[nodiscard]] Status read(std::size_t, std::span<std::byte>) const override {
    return internal_error("nobody reads it");
  }
  [[nodiscard]] const DeviceBytes* device_bytes() const noexcept override { return &bytes_; }
  [[nodiscard]] const std::byte* begin() const { return bytes_.address; }

 private:
  mutable std::array<std::byte, 12> memory_{};
  const DeviceBytes bytes_{1, memory_.data(), 12};
};

TEST(SplitRequest, tells_of_each_part_where_on_the_gpu_it_is) {
  const auto source = std::make_shared<const GpuSource>();
  PendingRequest whole;
  whole.rows = 3;
  whole.request.inputs.push_back({"x", {DataType::kUint8, {3, 4}, {}}, source});
  const auto parts = split_request(std::move(whole), 2, ignore);
  ASSERT_EQ(parts.size(), 2U);
  const DeviceBytes* const first = parts[0]->request.inputs[0].source->device_bytes();
  const DeviceBytes* const second = parts[1]->request.inputs[0].source->device_bytes();
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(first->address, source->begin());
  EXPECT_EQ(first->size, 8U);
  EXPECT_EQ(second->address, source->begin() + 8);
  EXPECT_EQ(second->size, 4U);
  EXPECT_EQ(second->device, 1);
}

TEST(SplitRequest, cuts_strings_between_rows) {
  PendingRequest whole;
  whole.rows = 3;
  const std::vector<std::string_view> words = {"", "a", "bcd", "", "efghijk", "l"};
  whole.request = request_of("text", *Tensor::of_strings({3, 2}, words));
  const auto parts = split_request(std::move(whole), 2, ignore);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(*bytes_elements(parts[0]->request.inputs[0].tensor),
            std::vector<std::string_view>(words.begin(), words.begin() + 4));
  EXPECT_EQ(*bytes_elements(parts[1]->request.inputs[0].tensor),
            std::vector<std::string_view>(words.begin() + 4, words.end()));
}

InferResponse response(const std::string& name, Tensor tensor, BatchReport report = {}) {
  InferResponse response;
  response.outputs.push_back({name, std::move(tensor)});
  response.batch = report;
  return response;
}

class AnsweredInParts : public ::testing::Test {
 protected:
  std::vector<PendingRequestPtr> split(std::int64_t rows, std::int64_t max_rows) {
    PendingRequest whole;
    whole.rows = rows;
    whole.request = request_of(
        "x", floats({rows, 1}, std::vector<float>(static_cast<std::size_t>(rows))), "id");
    whole.request.ticket = 9;
    auto owner = std::make_shared<int>();
    held_ = owner;
    whole.request.keep(std::move(owner));
    whole.reply = Reply([this](Result<InferResponse> outcome) {
      held_at_answer_ = !held_.expired();
      answers_.push_back(std::move(outcome));
    });
    return split_request(std::move(whole), max_rows,
                         [this](RequestTicket ticket) { cancelled_.push_back(ticket); });
  }

  std::weak_ptr<int> held_;
  bool held_at_answer_ = true;
  std::vector<Outcome> answers_;
  std::vector<RequestTicket> cancelled_;
};

TEST_F(AnsweredInParts, it_is_put_together_in_order_whatever_comes_first) {
  auto parts = split(3, 1);
  using std::chrono::nanoseconds;
  const CloseReason reason = CloseReason::kFull;
  answer(std::move(parts[2]),
         response("y", floats({1, 2}, {5, 6}),
                  {4, 2, reason, nanoseconds(9), nanoseconds(1), nanoseconds(3)}));
  answer(std::move(parts[0]), response("y", floats({1, 2}, {1, 2}),
                                       {1, 1, {}, nanoseconds(5), nanoseconds(1), nanoseconds(4)}));
  EXPECT_TRUE(answers_.empty());
  EXPECT_FALSE(held_.expired());
  answer(std::move(parts[1]), response("y", floats({1, 2}, {3, 4}),
                                       {1, 1, {}, nanoseconds(7), nanoseconds(1), nanoseconds(5)}));
  ASSERT_EQ(answers_.size(), 1U);
  ASSERT_TRUE(answers_[0].ok()) << answers_[0].status().to_string();
  EXPECT_FALSE(held_at_answer_);
  EXPECT_EQ(answers_[0]->id, "id");
  EXPECT_EQ(answers_[0]->outputs[0].tensor.shape(), Shape({3, 2}));
  EXPECT_EQ(values_of(answers_[0]->outputs[0].tensor), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  const BatchReport& report = answers_[0]->batch;
  EXPECT_EQ(report.rows, 4);
  EXPECT_EQ(report.requests, 2);
  EXPECT_EQ(report.reason, reason);
  EXPECT_EQ(report.queue, nanoseconds(5));
  EXPECT_EQ(report.gather, nanoseconds(3));
  EXPECT_EQ(report.compute, nanoseconds(12));
  EXPECT_TRUE(cancelled_.empty());
}

TEST_F(AnsweredInParts, it_measures_the_delivery_of_the_part_that_was_computed_last) {
  struct Meter final : DeliveryMeter {
    void record(std::chrono::nanoseconds lag) noexcept override { last = lag; }
    std::chrono::nanoseconds last{0};
  };
  const auto meter = std::make_shared<Meter>();
  const auto answer_at = [&](PendingRequestPtr part, int second, bool measures) {
    InferResponse one = response("y", floats({1, 2}, {5, 6}), {});
    if (measures) one.delivery = {meter, TimePoint(std::chrono::seconds(second))};
    answer(std::move(part), std::move(one));
  };
  auto parts = split(3, 1);
  answer_at(std::move(parts[1]), 5, true);
  answer_at(std::move(parts[0]), 3, true);
  answer_at(std::move(parts[2]), 9, false);
  ASSERT_EQ(answers_.size(), 1U);
  answers_[0]->delivery.ended(TimePoint(std::chrono::seconds(7)));
  EXPECT_EQ(meter->last, std::chrono::seconds(2));
}

TEST_F(AnsweredInParts, the_first_failure_wins_and_cancels_the_rest) {
  auto parts = split(4, 1);
  answer(std::move(parts[0]), response("y", floats({1, 1}, {1})));
  answer(std::move(parts[2]), internal_error("first"));
  EXPECT_EQ(cancelled_, (std::vector<RequestTicket>{9}));
  EXPECT_TRUE(answers_.empty()) << "while a part may still be read";
  answer(std::move(parts[1]), internal_error("second"));
  parts[3].reset();  // lost
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].status().to_string(), "INTERNAL: first");
  EXPECT_EQ(cancelled_.size(), 1U);
  EXPECT_FALSE(held_at_answer_);
}

TEST_F(AnsweredInParts, it_fails_where_an_output_does_not_follow_the_rows) {
  auto parts = split(2, 1);
  answer(std::move(parts[0]), response("y", floats({1, 1}, {1})));
  answer(std::move(parts[1]), response("y", floats({2, 1}, {1, 2})));
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].status().to_string(),
            "INTERNAL: output 'y' has shape [2,1] for a part of 1 rows, so the parts of the "
            "request cannot be put together");
}

class ServedInParts : public testing::ServedModelTest {
 protected:
  static InferRequest many_rows(std::size_t rows) {
    std::vector<float> numbers(2 * rows);
    std::iota(numbers.begin(), numbers.end(), 1);
    return request_of("x", floats({static_cast<std::int64_t>(rows), 2}, numbers), "many");
  }
  static std::vector<float> expected(std::size_t rows) {
    std::vector<float> all;
    for (std::size_t i = 0; i < rows; ++i) {
      for (const float value : linear(static_cast<float>(2 * i + 1), static_cast<float>(2 * i + 2)))
        all.push_back(value);
    }
    return all;
  }
};

TEST_F(ServedInParts, a_request_of_many_rows_is_answered_in_order) {
  open(linear_model(), kAtOnce);
  for (const std::size_t rows : {5U, 8U, 101U}) {
    EXPECT_EQ(values(served_->infer(many_rows(rows))), expected(rows));
    const Outcome outcome = submit(many_rows(rows)).get();
    EXPECT_EQ(values(outcome), expected(rows));
    EXPECT_EQ(outcome->id, "many");
    EXPECT_EQ(outcome->batch.rows, 4);
  }
  for (const auto& run : model_->runs())
    EXPECT_LE(run[0][0], 4);
}

TEST_F(ServedInParts, strings_of_many_rows_come_back_in_order) {
  open(echo_model(), kAtOnce);
  const std::vector<std::string_view> words = {"a", "", "bc", "def", "", "ghij", "k"};
  const Outcome outcome = served_->infer(request_of("text", *Tensor::of_strings({7, 1}, words)));
  ASSERT_TRUE(outcome.ok()) << error(outcome);
  EXPECT_EQ(*bytes_elements(outcome->find("twice")->view()),
            (std::vector<std::string_view>{"aa", "", "bcbc", "defdef", "", "ghijghij", "kk"}));
}

TEST_F(ServedInParts, the_last_part_shares_its_batch_with_others) {
  open(linear_model(), kBatchesOf4);
  auto many = submit(many_rows(6));
  auto few = submit(many_rows(2));
  EXPECT_EQ(values(many.get()), expected(6));
  EXPECT_EQ(values(few.get()), expected(2));
  EXPECT_EQ(model_->runs().size(), 2U);
}

TEST_F(ServedInParts, a_failure_is_the_answer_and_the_rest_is_not_run) {
  auto model = linear_model();
  open(model, kAtOnce);
  auto first = submit_and_hold(testing::linear_request(1, 1));
  model_->compute = [](const testing::Inputs&) -> Result<testing::Outputs> {
    return internal_error("broken");
  };
  auto many = submit(many_rows(40));
  model_->gate.open();
  EXPECT_EQ(error(many.get()), "INTERNAL: broken");
  EXPECT_LE(model_->runs().size(), 1U + 2U);
}

TEST_F(ServedInParts, cancelling_ends_what_waits) {
  open(linear_model(), kAtOnce);
  auto first = submit_and_hold(testing::linear_request(1, 1));
  InferRequest request = many_rows(40);
  request.ticket = new_ticket();
  const RequestTicket ticket = request.ticket;
  auto many = submit(std::move(request));
  EXPECT_TRUE(served_->cancel(ticket));
  EXPECT_EQ(error(many.get()).substr(0, 9), "CANCELLED");
  model_->gate.open();
  EXPECT_TRUE(first.get().ok());
  EXPECT_EQ(model_->runs().size(), 1U);
}

TEST_F(ServedInParts, a_queue_without_room_for_all_parts_takes_none) {
  open(linear_model(),
       "max_batch_size: 4 dynamic_batching { default_queue_policy { max_queue_size: 3 } }");
  auto first = submit_and_hold(testing::linear_request(1, 1));
  auto second = submit(testing::linear_request(2, 2));
  EXPECT_EQ(error(submit(many_rows(12)).get()),
            "RESOURCE_EXHAUSTED: the queue is full: 1 requests wait (max_queue_size)");
  model_->gate.open();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
  EXPECT_EQ(model_->runs().size(), 2U);
  EXPECT_EQ(served_->statistics().requests_refused, 3U);
}

TEST_F(ServedInParts, a_completion_must_not_wait_for_one_either) {
  open(linear_model(), kAtOnce);
  std::promise<std::string> promise;
  served_->infer(testing::linear_request(1, 1),
                 [&](Outcome) { promise.set_value(error(served_->infer(many_rows(9)))); });
  EXPECT_EQ(promise.get_future().get().substr(0, 19), "FAILED_PRECONDITION");
}

}  // namespace
}  // namespace muster
