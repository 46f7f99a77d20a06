// SPDX-License-Identifier: Apache-2.0
// BatchQueue: requests wait here, bounded and in order of priority and deadline, until a batch is
// due and a runner is free. Call order of a batch: offer* take finish.
//
// It also hands out the runners (numbers 0..runners-1, each the right to use one session), because
// "a batch is due" and "somebody is free to run it" must be decided under one lock. Every method
// may be called from any thread. Requests are always answered outside the lock, each exactly once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "batching/batch_policy.h"
#include "batching/batching_metrics.h"
#include "batching/pending_request.h"
#include "batching/target/latency_target.h"
#include "batching/waiting_line.h"

namespace muster {

struct Batch {
  std::vector<PendingRequestPtr> requests;  // empty: the queue is closed and nothing waits
  std::int64_t rows = 0;
  CloseReason reason = CloseReason::kDelay;
  TimePoint taken_at = {};
  std::size_t runner = 0;
  // Set by who ran it, for the next take: the batch tells what its size costs.
  bool succeeded = false;
};

struct QueueOptions {
  BatchLimits limits;
  std::vector<QueueLevel> levels = {QueueLevel()};  // the first goes first
  std::size_t default_level = 0;  // of requests with priority 0, or with one that is no level
  std::size_t max_bytes = std::size_t{1} << 30;
  std::size_t runners = 1;
  // Runner i may be used by the worker that calls take(i) alone.
  bool runners_are_thread_bound = false;
  std::vector<FirstCost> first_costs = {};  // for a latency target; may be empty
};

// What a model's configuration says of them; the runners are its instances.
[[nodiscard]] QueueOptions queue_options_of(const ModelConfig& config);

// Whether an offer wakes the worker that is to take it, or wake_due, which must follow, does.
enum class Waking : std::uint8_t { kNow, kLater };

class BatchQueue {
 public:
  // After a shared batch, callers run nothing themselves until workers have taken that many batches
  // of one request in a row. Otherwise one of many callers would run its own requests, one after
  // the other, for as long as its time slice lasts, while the others wait for a processor.
  static constexpr std::size_t kLoneBatches = 16;

  BatchQueue(QueueOptions options, Clock& clock, BatchingMetrics& metrics);
  // Nobody may be inside a method. What still waits is answered kUnavailable.
  ~BatchQueue();
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  // Accepts the request, or answers it now (full, closed, deadline over).
  void offer(PendingRequestPtr request, Waking waking = Waking::kNow);
  // Accepts all, or answers all now. They have the same priority, deadline and row shapes.
  void offer_all(std::span<PendingRequestPtr> requests, Waking waking = Waking::kNow);
  // Wakes as many workers as batches are due, for what was offered with kLater. Whether the queue
  // was too full for some of it since the last call.
  bool wake_due();

  struct Claim {
    std::size_t runner;
    CloseReason reason;
  };
  // The way without a queue: where nothing waits, a runner is idle, no batch was shared lately
  // (kLoneBatches) and the policy would take this request alone at once, it is accepted and that
  // runner claimed for the calling thread, which runs it and calls finish. Otherwise nothing
  // happens.
  [[nodiscard]] std::optional<Claim> claim_for(PendingRequest& request);

  // Blocks until a batch is due and a runner free. `worker` is the calling worker's number. Reuses
  // the memory of `batch`, whose requests must have been moved out or answered; where there is a
  // latency target, it learns from it what a batch costs, until its answers were given.
  void take(std::size_t worker, Batch& batch);
  // Gives a runner back. `alone`: of who claimed it, if the request succeeded, for its cost.
  void finish(std::size_t runner, const PendingRequest* alone = nullptr);

  // Answers what waits under this ticket with kCancelled; false where nothing does.
  bool cancel(RequestTicket ticket);

  // Answers requests the moment their deadline has come, also while every runner is busy, and where
  // there is a latency target, also those whom workers drop, as long as it keeps up. Returns when
  // the queue is closed and empty: for a thread of its own.
  void watch_deadlines();

  // New requests are refused from now on; what waits is handed out without delay.
  void close();
  // Blocks until the queue is closed and empty, every runner has been given back and no cancel is
  // still answering. Who calls take and watch_deadlines may still be answering requests that
  // expired or were dropped.
  void await_drained();

  [[nodiscard]] std::size_t waiting();
  // Goes with answers where there is a latency target, else null.
  [[nodiscard]] const std::shared_ptr<DeliveryMeter>& delivery() const noexcept {
    return delivery_;
  }

 private:
  using Answers = std::vector<PendingRequestPtr>;

  [[nodiscard]] bool would_fit_alone(std::span<const PendingRequestPtr> requests) const
      MUSTER_REQUIRES(mutex_);
  [[nodiscard]] Status admit(std::span<const PendingRequestPtr> requests, TimePoint now) const
      MUSTER_REQUIRES(mutex_);
  [[nodiscard]] BatchDecision decide_on(const WaitingLine::Group& group, TimePoint now) const
      MUSTER_REQUIRES(mutex_);
  [[nodiscard]] BatchDecision decide_alone(const PendingRequest& request, TimePoint now) const
      MUSTER_REQUIRES(mutex_);
  struct Choice {
    std::size_t group;
    BatchDecision act;  // not WaitUntil
  };
  [[nodiscard]] std::optional<Choice> choose(TimePoint now, TimePoint& next) const
      MUSTER_REQUIRES(mutex_);
  void fill(std::size_t group, const TakeNow& take, TimePoint now, Batch& batch)
      MUSTER_REQUIRES(mutex_);
  // Whether the next of a group may join `batch`, which `take` allows so many rows.
  [[nodiscard]] bool may_join(const WaitingLine::Group& group, const TakeNow& take,
                              const Batch& batch) const MUSTER_REQUIRES(mutex_);
  void drop(std::size_t group, std::size_t requests, TimePoint now, Answers& dropped)
      MUSTER_REQUIRES(mutex_);
  // Before it is placed: sets by when it is to be answered, and with that, by when taken.
  void aim(PendingRequest& request, TimePoint now) const MUSTER_REQUIRES(mutex_);
  void learn(std::int64_t rows, TimePoint taken_at) MUSTER_REQUIRES(mutex_);
  void collect_expired(TimePoint now, Answers& expired) MUSTER_REQUIRES(mutex_);
  [[nodiscard]] bool runner_free(std::size_t worker) const MUSTER_REQUIRES(mutex_);
  [[nodiscard]] std::size_t claim_runner(std::size_t worker) MUSTER_REQUIRES(mutex_);
  void wake_worker_if_due(TimePoint now) MUSTER_REQUIRES(mutex_);
  [[nodiscard]] bool exceeds_woken_workers(TimePoint now) const MUSTER_REQUIRES(mutex_);
  // Counts the worker as woken where it says so.
  [[nodiscard]] bool worker_must_wake(TimePoint now) MUSTER_REQUIRES(mutex_);
  void wake_watcher(TimePoint deadline) MUSTER_REQUIRES(mutex_);
  void wake_all_if_drained() MUSTER_REQUIRES(mutex_);
  static void answer_all(Answers& requests, const Status& status);
  // What becomes of those whose time is over, and of those that the policy drops.
  [[nodiscard]] Status too_late() const;
  [[nodiscard]] Status dropped() const;
  [[nodiscard]] std::string target_text() const;

  const QueueOptions options_;
  Clock& clock_;
  BatchingMetrics& metrics_;
  std::shared_ptr<DeliveryMeter> delivery_;  // set once

  Mutex mutex_;
  CondVar work_;       // workers
  CondVar deadlines_;  // the deadline watcher
  CondVar drained_;    // await_drained
  WaitingLine line_ MUSTER_GUARDED_BY(mutex_);
  std::unique_ptr<LatencyTarget> target_ MUSTER_GUARDED_BY(mutex_);  // null = there is none
  std::vector<std::size_t> idle_runners_ MUSTER_GUARDED_BY(mutex_);  // last in, first out
  // Batches of one request in a row that workers took.
  std::size_t lone_batches_ MUSTER_GUARDED_BY(mutex_) = kLoneBatches;
  std::size_t cancelling_ MUSTER_GUARDED_BY(mutex_) = 0;  // no longer waiting, not yet answered
  std::size_t sleeping_workers_ MUSTER_GUARDED_BY(mutex_) = 0;
  std::size_t woken_workers_ MUSTER_GUARDED_BY(mutex_) = 0;  // notified, not yet awake
  TimePoint workers_sleep_until_ MUSTER_GUARDED_BY(mutex_) = kNoDeadline;
  TimePoint watcher_sleeps_until_ MUSTER_GUARDED_BY(mutex_) = kNoDeadline;
  // Somebody is in watch_deadlines, who answers what a worker left there: one round's at most.
  bool watching_ MUSTER_GUARDED_BY(mutex_) = false;
  Answers late_ MUSTER_GUARDED_BY(mutex_);
  Answers dropped_ MUSTER_GUARDED_BY(mutex_);
  bool was_full_ MUSTER_GUARDED_BY(mutex_) = false;  // for a kLater offer, since the last wake_due
  bool closed_ MUSTER_GUARDED_BY(mutex_) = false;
};

}  // namespace muster
