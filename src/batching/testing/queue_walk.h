// SPDX-License-Identifier: Apache-2.0
// QueueWalk: a BatchQueue and its reference side by side, led through the same steps and compared
// after each. One thread plays all: whenever the queue would put a worker or the deadline watcher
// to sleep, the walk goes on from there as if it were the other threads, until it wakes the
// sleeper.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "batching/batch_queue.h"
#include "batching/testing/reference_queue.h"

namespace muster::testing {

class QueueWalk final : private Clock {
 public:
  // A number below `bound`; all that happens is chosen by it.
  using Pick = std::function<std::uint32_t(std::uint32_t bound)>;

  QueueWalk(Pick pick, std::size_t steps)
      : pick_(std::move(pick)),
        steps_(steps),
        options_(pick_options()),
        reference_(options_),
        queue_(std::make_unique<BatchQueue>(options_, static_cast<Clock&>(*this), metrics_)) {}

  // "" where queue and reference agreed, otherwise the first difference.
  [[nodiscard]] std::string run() {
    try {
      while (steps_ > 0)
        step();
      end();
      check_counts();
    } catch (const std::runtime_error& difference) {
      return difference.what();
    }
    return "";
  }

 private:
  static constexpr std::chrono::milliseconds kTick{100};

  // Someone inside a method that may sleep; the last is who calls the clock.
  struct Frame {
    bool watches;
    std::size_t worker;
  };
  struct Held {
    std::size_t worker;  // kNobody: a caller that claimed the runner
    Batch batch;
  };
  static constexpr auto kNobody = static_cast<std::size_t>(-1);

  QueueOptions pick_options() {
    QueueOptions options;
    options.limits.max_rows = 1 + pick_(8);
    options.limits.merge = pick_(4) > 0;
    for (std::int64_t size = 1; size <= options.limits.max_rows; ++size) {
      if (pick_(6) == 0) options.limits.preferred_rows.push_back(size);
    }
    options.limits.max_queue_delay = pick_(3) * 7 * kTick;
    options.levels.resize(pick_(2) == 0 ? 1 : 1 + pick_(3));
    for (QueueLevel& level : options.levels) {
      level.max_requests = 1 + pick_(12);
      level.timeout = pick_(3) * 5 * kTick;
      level.delays = pick_(2) == 0;
    }
    options.default_level = pick_(static_cast<std::uint32_t>(options.levels.size()));
    options.max_bytes = 50 + pick_(200);
    options.runners = 1 + pick_(3);
    options.runners_are_thread_bound = pick_(2) == 0;
    return options;
  }

  void require(bool holds, const std::string& what) const {
    if (!holds)
      throw std::runtime_error("with " + std::to_string(steps_) + " steps to go: " + what);
  }

  // What must have been answered by now has been, and nothing else.
  void check() {
    require(fault_.empty(), fault_);
    require(expected_.empty(), "a request that must be answered by now is not");
    require(queue_->waiting() == reference_.waiting().size(), "another number waits");
  }

  void step() {
    --steps_;
    switch (pick_(16)) {
      case 6:
      case 7:
      case 8:
        take();
        break;
      case 9:
      case 10:
        finish();
        break;
      case 11:
        cancel(pick_(next_id_ + 2));
        break;
      case 12:
      case 13:
        now_ += pick_(8) * kTick;
        break;
      case 14:
        claim();
        break;
      case 15:
        pick_(16) == 0 ? close() : watch();
        break;
      default:
        offer();
    }
    check();
  }

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

  PendingRequestPtr pending(const ReferenceRequest& reference) {
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

  TimePoint pick_deadline() {
    if (pick_(2) == 0) return kNoDeadline;
    return now_ + pick_(20) * kTick;  // or at once, which is too late
  }

  ReferenceRequest pick_request() {
    ReferenceRequest request;
    request.width = 1 + pick_(3);
    request.priority = pick_(static_cast<std::uint32_t>(options_.levels.size() + 2));
    request.deadline = pick_deadline();
    pick_size(request);
    return request;
  }
  void pick_size(ReferenceRequest& request) {
    request.rows = 1 + pick_(static_cast<std::uint32_t>(options_.limits.max_rows));
    request.bytes = pick_(40);
  }

  // Mostly one request, sometimes the parts of a larger one.
  void offer() {
    std::vector<ReferenceRequest> parts(pick_(4) == 0 ? 1 + pick_(3) : 1, pick_request());
    const RequestTicket ticket = next_id_ + 1;
    for (ReferenceRequest& part : parts) {
      part.id = static_cast<int>(next_id_++);
      part.ticket = ticket;
      pick_size(part);
    }
    const StatusCode code = reference_.offer(parts, now_);
    const bool late = code == StatusCode::kDeadlineExceeded;
    if (late) expired_ += parts.size();
    (late || code == StatusCode::kOk ? accepted_ : refused_) += parts.size();
    std::vector<PendingRequestPtr> requests;
    for (const ReferenceRequest& part : parts) {
      if (code != StatusCode::kOk) expected_[part.id] = code;
      requests.push_back(pending(part));
    }
    queue_->offer_all(requests);
  }

  void claim() {
    const ReferenceRequest reference = pick_request();
    PendingRequest request;
    request.rows = reference.rows;
    request.request.priority = reference.priority;
    request.request.deadline = reference.deadline;
    const auto wanted = reference_.claim_for(reference, now_);
    const auto given = queue_->claim_for(request);
    require(given.has_value() == wanted.has_value(), "a claim was wrongly granted or refused");
    if (!given) return;
    require(given->runner == wanted->runner && given->reason == wanted->reason, "another claim");
    ++accepted_;
    held_.push_back({kNobody, {}});
    held_.back().batch.runner = given->runner;
  }

  void cancel(RequestTicket ticket) {
    const std::set<int> ids = reference_.cancel(ticket);
    for (const int id : ids)
      expected_[id] = StatusCode::kCancelled;
    cancelled_ += ids.size();
    require(queue_->cancel(ticket) == !ids.empty(), "a cancel did what it should not");
  }

  void close() {
    reference_.close();
    queue_->close();
  }

  // A sleeper that wakes, or somebody new, first answers what has expired.
  void look() {
    for (const int id : reference_.expire(now_)) {
      expected_[id] = StatusCode::kDeadlineExceeded;
      ++expired_;
    }
  }

  [[nodiscard]] bool busy(std::size_t worker) const {
    const auto is = [&](const auto& one) { return one.worker == worker; };
    return std::ranges::any_of(frames_, is) || std::ranges::any_of(held_, is);
  }

  void take() {
    std::size_t worker = 0;
    while (worker < options_.runners && busy(worker))
      ++worker;
    if (worker < options_.runners) take_as(worker);
  }

  void take_as(std::size_t worker) {
    look();
    frames_.push_back({false, worker});
    Batch batch;
    queue_->take(worker, batch);
    frames_.pop_back();
    if (batch.requests.empty()) {
      require(reference_.closed() && reference_.waiting().empty(), "a worker was sent home early");
      return;
    }
    const auto wanted = reference_.due_batch(now_);
    require(wanted && reference_.runner_free(worker), "a batch was taken that is not due");
    ReferenceBatch given = {{}, batch.rows, batch.reason};
    for (const auto& request : batch.requests)
      given.ids.push_back(std::stoi(request->request.id));
    require(given == *wanted, "another batch was taken");
    require(batch.runner == reference_.next_runner(worker), "another runner was claimed");
    require(batch.taken_at == now_, "the batch has another time");
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
      expected_[id] = dropped ? StatusCode::kUnavailable : StatusCode::kOk;
      if (!dropped) answer(std::move(request), InferResponse());
    }
  }

  void watch() {
    if (std::ranges::any_of(frames_, &Frame::watches)) return;
    look();
    frames_.push_back({true, kNobody});
    queue_->watch_deadlines();
    frames_.pop_back();
    require(reference_.closed() && reference_.waiting().empty(), "the watcher went home early");
  }

  void check_asleep(const Frame& sleeper, TimePoint until) {
    check();
    require(!(reference_.closed() && reference_.waiting().empty()), "sleeps in an empty queue");
    if (sleeper.watches) {
      require(until <= reference_.earliest_deadline(), "the watcher oversleeps a deadline");
    } else if (reference_.waiting().empty() || !reference_.runner_free(sleeper.worker)) {
      require(until == kForever, "a worker sleeps until a moment when it has nothing to do");
    } else {
      require(!reference_.due_batch(now_), "a worker sleeps while a batch is due");
      require(until == reference_.next_due(), "a worker sleeps until another moment");
    }
  }

  TimePoint now() noexcept override { return now_; }

  void wait_until(CondVar& /*condition*/, MutexLock& lock,
                  TimePoint until) override MUSTER_NO_THREAD_SAFETY_ANALYSIS {
    if (until <= now_) return;
    lock.unlock();
    const Frame sleeper = frames_.back();
    check_asleep(sleeper, until);
    do {
      if (steps_ > 0) step();
    } while (steps_ > 0 && pick_(6) > 0);
    if (steps_ == 0) let_home(sleeper);
    if (until != kForever && pick_(2) == 0) now_ = std::max(now_, until);
    look();
    lock.lock();
  }

  // At the end of the walk: so that the sleeper finds what it waits for.
  void let_home(const Frame& sleeper) {
    close();
    while (!held_.empty())
      finish();
    while (sleeper.watches && !reference_.waiting().empty()) {
      cancel(reference_.waiting().front().ticket);
    }
  }

  void end() {
    while (!held_.empty())
      finish();
    if (pick_(2) == 0) {
      close();
      while (!reference_.waiting().empty()) {
        take_as(0);
        if (!held_.empty()) finish();
      }
      take_as(0);
      watch();
      queue_->await_drained();
    }
    check();
    for (const ReferenceRequest& request : reference_.waiting()) {
      expected_[request.id] = StatusCode::kUnavailable;
    }
    queue_.reset();
    require(fault_.empty(), fault_);
    require(expected_.empty(), "a request was lost");
  }

  void check_counts() const {
    require(metrics_.accepted.value() == accepted_, "accepted is counted wrongly");
    require(metrics_.refused.value() == refused_, "refused is counted wrongly");
    require(metrics_.expired.count() == expired_, "expired is counted wrongly");
    require(metrics_.cancelled.count() == cancelled_, "cancelled is counted wrongly");
    require(metrics_.waiting() == reference_.waiting().size(), "what waits is counted wrongly");
  }

  const Pick pick_;
  std::size_t steps_;
  TimePoint now_{std::chrono::hours(1)};
  const QueueOptions options_;
  ReferenceQueue reference_;
  std::vector<Frame> frames_;
  std::vector<Held> held_;
  std::map<int, StatusCode> expected_;  // answers that must come before anything else happens
  std::string fault_;
  std::uint32_t next_id_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t expired_ = 0;
  std::uint64_t cancelled_ = 0;
  BatchingMetrics metrics_;
  std::unique_ptr<BatchQueue> queue_;
};

}  // namespace muster::testing
