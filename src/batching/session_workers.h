// SPDX-License-Identifier: Apache-2.0
// SessionWorkers: the threads that pull batches from the queue and run them, and the queue itself.
//
// One worker a session; each pulls when it is free, so that there is no scheduler thread between
// queue and device. A caller who blocks may run its own request where a session is idle and nothing
// waits: a hop to another thread and back would cost more than many a model.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include <muster/backend.h>

#include "batching/batch_queue.h"
#include "batching/batch_runner.h"

namespace muster {

// More than that a model does not get, whatever it says.
inline constexpr int kMaxSessionsPerInstance = 64;

class SessionWorkers {
 public:
  // Makes the sessions (each on its worker's thread where they are bound to one) and starts the
  // threads. `model`, `clock` and `metrics` must outlive what is returned. `queue.runners` are
  // the model's instances, each of which has sessions_per_instance() of them;
  // `queue.runners_are_thread_bound` is taken from the model. `description` goes with
  // every response; it may be null.
  static Result<std::unique_ptr<SessionWorkers>> start(
      const CompiledModel& model, bool stacked, QueueOptions queue, Clock& clock,
      BatchingMetrics& metrics, std::shared_ptr<const ModelDescription> description = nullptr);
  SessionWorkers(const SessionWorkers&) = delete;
  SessionWorkers& operator=(const SessionWorkers&) = delete;
  // Closes. Must not run where a completion may be running.
  ~SessionWorkers();

  // Any thread; never blocks.
  void offer(PendingRequestPtr request, Waking waking = Waking::kNow) {
    queue_.offer(std::move(request), waking);
  }
  // Accepts all or answers all; see BatchQueue.
  void offer_all(std::span<PendingRequestPtr> requests, Waking waking = Waking::kNow) {
    queue_.offer_all(requests, waking);
  }
  bool wake_due() { return queue_.wake_due(); }
  bool cancel(RequestTicket ticket);
  // Any thread; blocks until the outcome is there. Where a completion of these workers may be
  // running, that is on their threads and inside cancel, it fails: it would wait for itself.
  [[nodiscard]] Result<InferResponse> infer(PendingRequest request);
  // Ok where a thread may wait for an outcome, as infer does.
  [[nodiscard]] Status may_wait() const;

  // Refuses what is new and returns at once.
  void begin_close() { queue_.close(); }
  // Returns when all that was accepted is answered. Where infer fails it only begins.
  void close();

 private:
  SessionWorkers(const CompiledModel& model, bool stacked, QueueOptions queue, Clock& clock,
                 BatchingMetrics& metrics, std::shared_ptr<const ModelDescription> description);
  void start_threads();
  void work(std::size_t worker);
  Status make_runner(std::size_t index);
  void answer(Batch& batch, std::vector<Result<InferResponse>>& outcomes);
  [[nodiscard]] bool may_be_in_completion() const noexcept;

  const CompiledModel& model_;
  const bool stacked_;
  Clock& clock_;
  BatchingMetrics& metrics_;
  const std::shared_ptr<const ModelDescription> description_;
  const bool thread_bound_;
  BatchQueue queue_;
  std::vector<std::unique_ptr<BatchRunner>> runners_;  // [i] is whose turn the queue says it is
  std::vector<Status> made_;          // by each worker, before it counts itself off
  std::vector<std::thread> threads_;  // workers, then the deadline watcher
  Mutex starting_;
  CondVar started_;
  std::size_t unmade_ MUSTER_GUARDED_BY(starting_) = 0;  // runners that start waits for
  Mutex joining_;
  bool joined_ MUSTER_GUARDED_BY(joining_) = false;
};

}  // namespace muster
