// SPDX-License-Identifier: Apache-2.0
// QueuePair: a BatchQueue and its reference, to both of which the same is done. What differs ends
// in a std::runtime_error.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "batching/batch_queue.h"
#include "batching/testing/expected_answers.h"
#include "batching/testing/reference_queue.h"
#include "batching/testing/walk_choices.h"

namespace muster::testing {

class QueuePair {
 public:
  static constexpr auto kNobody = static_cast<std::size_t>(-1);

  // Both outlive it.
  QueuePair(const Pick& pick, Clock& clock)
      : pick_(pick),
        clock_(clock),
        options_(pick_options(pick)),
        reference_(options_),
        queue_(std::make_unique<BatchQueue>(options_, clock, metrics_)) {}

  [[nodiscard]] std::size_t workers() const { return options_.runners; }
  [[nodiscard]] const ReferenceQueue& reference() const { return reference_; }
  [[nodiscard]] BatchQueue& queue() { return *queue_; }
  // Nobody waits any more, and nobody may come.
  [[nodiscard]] bool is_over() const { return reference_.closed() && reference_.waiting().empty(); }

  static void require(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what);
  }

  // What must have been answered by now has been, and nothing else.
  void check() {
    require(answers_.fault().empty(), answers_.fault());
    require(answers_.all_came(), "a request that must be answered by now is not");
    require(queue_->waiting() == reference_.waiting().size(), "another number waits");
  }

  // Mostly one request, sometimes the parts of a larger one.
  void offer() {
    std::vector<ReferenceRequest> parts(pick_(4) == 0 ? 1 + pick_(3) : 1,
                                        pick_request(pick_, options_, clock_.now()));
    const RequestTicket ticket = next_id_ + 1;
    for (ReferenceRequest& part : parts) {
      part.id = static_cast<int>(next_id_++);
      part.ticket = ticket;
      pick_size(pick_, options_, part);
    }
    const StatusCode code = reference_.offer(parts, clock_.now());
    const bool late = code == StatusCode::kDeadlineExceeded;
    if (late) expired_ += parts.size();
    (late || code == StatusCode::kOk ? accepted_ : refused_) += parts.size();
    std::vector<PendingRequestPtr> requests;
    for (const ReferenceRequest& part : parts) {
      if (code != StatusCode::kOk) answers_.expect(part.id, code);
      requests.push_back(answers_.pending(part));
    }
    queue_->offer_all(requests);
  }

  void claim() {
    const ReferenceRequest reference = pick_request(pick_, options_, clock_.now());
    PendingRequest request;
    request.rows = reference.rows;
    request.request.priority = reference.priority;
    request.request.deadline = reference.deadline;
    const auto wanted = reference_.claim_for(reference, clock_.now());
    const auto given = queue_->claim_for(request);
    require(given.has_value() == wanted.has_value(), "a claim was wrongly granted or refused");
    if (!given) return;
    require(given->runner == wanted->runner && given->reason == wanted->reason, "another claim");
    ++accepted_;
    held_.push_back({kNobody, {}});
    held_.back().batch.runner = given->runner;
  }

  // Of one request or another, or of none.
  void cancel_one() { cancel(pick_(next_id_ + 2)); }
  void cancel(RequestTicket ticket) {
    const std::set<int> ids = reference_.cancel(ticket);
    for (const int id : ids)
      answers_.expect(id, StatusCode::kCancelled);
    cancelled_ += ids.size();
    require(queue_->cancel(ticket) == !ids.empty(), "a cancel did what it should not");
  }

  void close() {
    reference_.close();
    queue_->close();
  }

  // A sleeper that wakes, or somebody new, first answers what has expired.
  void look() {
    for (const int id : reference_.expire(clock_.now())) {
      answers_.expect(id, StatusCode::kDeadlineExceeded);
      ++expired_;
    }
  }

  [[nodiscard]] bool holds_batch(std::size_t worker) const {
    return std::ranges::any_of(held_, [&](const Held& held) { return held.worker == worker; });
  }
  [[nodiscard]] bool holds_any() const { return !held_.empty(); }

  // What `queue().take()` gave to the worker.
  void took(std::size_t worker, Batch batch) {
    if (batch.requests.empty()) return require(is_over(), "a worker was sent home early");
    const auto wanted = reference_.due_batch(clock_.now());
    require(wanted && reference_.runner_free(worker), "a batch was taken that is not due");
    ReferenceBatch given = {{}, batch.rows, batch.reason};
    for (const auto& request : batch.requests)
      given.ids.push_back(std::stoi(request->request.id));
    require(given == *wanted, "another batch was taken");
    require(batch.runner == reference_.next_runner(worker), "another runner was claimed");
    require(batch.taken_at == clock_.now(), "the batch has another time");
    reference_.take(given, batch.runner);
    held_.push_back({worker, std::move(batch)});
    check();
  }

  void finish() {
    if (held_.empty()) return;
    const auto place = held_.begin() +
                       static_cast<std::ptrdiff_t>(pick_(static_cast<std::uint32_t>(held_.size())));
    Batch batch = std::move(place->batch);
    held_.erase(place);
    reference_.finish(batch.runner);
    queue_->finish(batch.runner);
    const bool dropped = pick_(4) == 0;
    for (PendingRequestPtr& request : batch.requests) {
      const int id = std::stoi(request->request.id);
      answers_.expect(id, dropped ? StatusCode::kUnavailable : StatusCode::kOk);
      if (!dropped) answer(std::move(request), InferResponse());
    }
  }

  void finish_all() {
    while (holds_any())
      finish();
  }

  // The queue goes, and answers what still waits.
  void destroy() {
    check();
    for (const ReferenceRequest& request : reference_.waiting()) {
      answers_.expect(request.id, StatusCode::kUnavailable);
    }
    queue_.reset();
    require(answers_.fault().empty(), answers_.fault());
    require(answers_.all_came(), "a request was lost");
  }

  void check_counts() const {
    require(metrics_.accepted.value() == accepted_, "accepted is counted wrongly");
    require(metrics_.refused.value() == refused_, "refused is counted wrongly");
    require(metrics_.expired.count() == expired_, "expired is counted wrongly");
    require(metrics_.cancelled.count() == cancelled_, "cancelled is counted wrongly");
    require(metrics_.waiting() == reference_.waiting().size(), "what waits is counted wrongly");
  }

 private:
  struct Held {
    std::size_t worker;  // kNobody: a caller that claimed the runner
    Batch batch;
  };

  const Pick& pick_;
  Clock& clock_;
  const QueueOptions options_;
  ReferenceQueue reference_;
  std::vector<Held> held_;
  ExpectedAnswers answers_;
  std::uint32_t next_id_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t expired_ = 0;
  std::uint64_t cancelled_ = 0;
  BatchingMetrics metrics_;
  std::unique_ptr<BatchQueue> queue_;
};

}  // namespace muster::testing
