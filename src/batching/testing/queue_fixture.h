// SPDX-License-Identifier: Apache-2.0
// A queue on a fake clock, with a book of its answers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "batching/batch_queue.h"
#include "batching/testing/requests.h"

namespace muster::testing {

class BatchQueueTest : public ::testing::Test {
 protected:
  void make(const QueueOptions& options) {
    queue_ = std::make_unique<BatchQueue>(options, clock_, metrics_);
  }
  static QueueOptions options(std::int64_t max_rows,
                              std::chrono::milliseconds delay = std::chrono::milliseconds(0)) {
    QueueOptions options;
    options.limits.max_rows = max_rows;
    options.limits.max_queue_delay = delay;
    return options;
  }

  [[nodiscard]] TimePoint in(std::chrono::milliseconds time) { return clock_.now() + time; }
  PendingRequestPtr pending(int key, const Numbers& numbers, TimePoint deadline = kNoDeadline) {
    PendingRequestPtr request = book_.pending(key, request_of(numbers, deadline));
    request->request.ticket = static_cast<RequestTicket>(key);
    return request;
  }
  void offer(int key, std::size_t rows = 1, TimePoint deadline = kNoDeadline) {
    queue_->offer(pending(key, Numbers(rows, key), deadline));
  }
  // Of a request that has been answered.
  std::string message(int key) {
    if (book_.times(key) != 1) return "not answered once";
    const Answer answer = book_.await(key);
    return Status(answer.code, answer.message).to_string();
  }

  // The keys of a batch that is due, by the first number of each request.
  Numbers take(std::size_t worker = 0) {
    queue_->take(worker, batch_);
    return keys(batch_);
  }
  static Numbers keys(const Batch& batch) {
    Numbers keys;
    for (const PendingRequestPtr& request : batch.requests) {
      keys.push_back(request->request.inputs[0].tensor.elements<std::int64_t>()[0]);
    }
    return keys;
  }

  FakeClock clock_;
  AnswerBook book_;
  BatchingMetrics metrics_;
  std::unique_ptr<BatchQueue> queue_;
  Batch batch_;
};

}  // namespace muster::testing
