// SPDX-License-Identifier: Apache-2.0
// Requests for the tests of batching: rows of whole numbers under the input "x", and a book that
// writes down how each was answered.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <muster/inference.h>

#include "base/check.h"
#include "base/mutex.h"
#include "batching/pending_request.h"
#include "inference/tensor_source.h"

namespace muster::testing {

using Numbers = std::vector<std::int64_t>;

[[nodiscard]] inline Tensor tensor_of(const Numbers& numbers, Shape shape) {
  auto tensor =
      Tensor::copy_of(DataType::kInt64, std::move(shape), std::as_bytes(std::span(numbers)));
  MUSTER_CHECK(tensor.ok());
  return *std::move(tensor);
}

[[nodiscard]] inline Numbers numbers_of(const Tensor& tensor) {
  const std::span<const std::int64_t> elements = tensor.elements<std::int64_t>();
  return {elements.begin(), elements.end()};
}

// One row [1] for each number.
[[nodiscard]] inline PendingRequest request_of(const Numbers& numbers,
                                               TimePoint deadline = kNoDeadline) {
  PendingRequest pending;
  pending.rows = static_cast<std::int64_t>(numbers.size());
  pending.bytes = numbers.size() * sizeof(std::int64_t);
  pending.request.add_input("x", tensor_of(numbers, {pending.rows, 1}));
  pending.request.deadline = deadline;
  return pending;
}

// Numbers that stand elsewhere until they are read, and can be taken away before.
class NumberSource final : public TensorSource {
 public:
  explicit NumberSource(Numbers numbers)
      : TensorSource(numbers.size() * sizeof(std::int64_t)), numbers_(std::move(numbers)) {}

  void take_away() { are_there_ = false; }
  [[nodiscard]] Status read(std::size_t offset, std::span<std::byte> into) const override {
    if (!are_there_) return invalid_argument("the numbers are gone");
    std::ranges::copy(std::as_bytes(std::span(numbers_)).subspan(offset, into.size()),
                      into.begin());
    return {};
  }

 private:
  const Numbers numbers_;
  bool are_there_ = true;
};

[[nodiscard]] inline PendingRequest request_from(
    const std::shared_ptr<const NumberSource>& source) {
  PendingRequest pending;
  pending.bytes = source->size();
  pending.rows = static_cast<std::int64_t>(source->size() / sizeof(std::int64_t));
  pending.request.inputs.push_back({"x", {DataType::kInt64, {pending.rows, 1}, {}}, source});
  return pending;
}

struct Answer {
  StatusCode code = StatusCode::kOk;
  std::string message;
  std::string id;
  BatchReport batch;
  Numbers numbers;  // of the first output
};

[[nodiscard]] inline Answer answer_of(const Result<InferResponse>& outcome) {
  Answer answer;
  answer.code = outcome.status().code();
  answer.message = outcome.status().message();
  if (!outcome.ok()) return answer;
  const InferResponse& response = *outcome;
  answer.id = response.id;
  answer.batch = response.batch;
  if (!response.outputs.empty()) answer.numbers = numbers_of(response.outputs.front().tensor);
  return answer;
}

// Any thread may answer, any may ask. Must outlive the requests it is to hear of.
class AnswerBook {
 public:
  // A completion that writes under `key`.
  [[nodiscard]] Completion completion(int key) {
    return [this, key](Result<InferResponse> outcome) { write(key, answer_of(outcome)); };
  }
  [[nodiscard]] PendingRequestPtr pending(int key, PendingRequest request) {
    request.reply = Reply(completion(key));
    return std::make_unique<PendingRequest>(std::move(request));
  }

  void write(int key, Answer answer) {
    const MutexLock lock(mutex_);
    answers_[key].push_back(std::move(answer));
    ++total_;
    changed_.notify_all();
  }

  // Blocks until it is there.
  [[nodiscard]] Answer await(int key) {
    MutexLock lock(mutex_);
    while (answers_[key].empty())
      changed_.wait(lock);
    return answers_[key].front();
  }
  void await_total(std::size_t count) {
    MutexLock lock(mutex_);
    while (total_ < count)
      changed_.wait(lock);
  }
  [[nodiscard]] std::size_t times(int key) {
    const MutexLock lock(mutex_);
    return answers_[key].size();
  }
  [[nodiscard]] std::size_t total() {
    const MutexLock lock(mutex_);
    return total_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::map<int, std::vector<Answer>> answers_ MUSTER_GUARDED_BY(mutex_);
  std::size_t total_ MUSTER_GUARDED_BY(mutex_) = 0;
};

}  // namespace muster::testing
