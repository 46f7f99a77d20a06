// SPDX-License-Identifier: Apache-2.0
// ExpectedAnswers: which requests of a QueueWalk must be answered now, and how; an answer that
// is another one, or that nobody expects, is kept as a fault.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "batching/batch_queue.h"
#include "batching/testing/reference_policy.h"

namespace muster::testing {

class ExpectedAnswers {
 public:
  // Before anything else happens.
  void expect(int id, StatusCode code) { expected_[id] = code; }
  [[nodiscard]] bool all_came() const { return expected_.empty(); }
  // "" = none.
  [[nodiscard]] const std::string& fault() const { return fault_; }

  // The request as the queue takes it; its answer comes here.
  [[nodiscard]] PendingRequestPtr pending(const ReferenceRequest& reference) {
    auto request = std::make_unique<PendingRequest>();
    request->rows = reference.rows;
    request->bytes = reference.bytes;
    request->row_key = 7;  // the same for every width: a hash that always collides
    request->request.id = std::to_string(reference.id);
    request->request.priority = reference.priority;
    request->request.deadline = reference.deadline;
    request->request.ticket = reference.ticket;
    const TensorView tensor = {DataType::kInt8, {reference.rows, reference.width}, {}};
    request->request.add_input("x", tensor);
    request->reply = Reply(completion(reference.id));
    return request;
  }

 private:
  Completion completion(int id) {
    return [this, id](const Result<InferResponse>& outcome) {
      const auto expected = expected_.find(id);
      if (expected == expected_.end() || expected->second != outcome.status().code()) {
        fault_ = "request " + std::to_string(id) + " was answered: " + outcome.status().to_string();
      } else {
        expected_.erase(expected);
      }
    };
  }

  std::map<int, StatusCode> expected_;
  std::string fault_;
};

}  // namespace muster::testing
