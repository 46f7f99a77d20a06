// SPDX-License-Identifier: Apache-2.0
// TargetSimulation: a BatchQueue in a World, from its first arrival to its last answer, on one
// thread and in no time. The queue is the real one, with all that it learns and decides.
//
// Where the queue would put a worker to sleep, the simulation goes on from there: it lets requests
// come and runs end until the moment that the worker sleeps for. A worker that is asked for while
// another sleeps is called from within that sleep; which of two free workers takes a batch is all
// the same.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "batching/batch_queue.h"
#include "batching/testing/target_world.h"

namespace muster::testing {

struct Outcome {
  std::size_t in_time = 0;
  std::size_t late = 0;   // answered, and too late
  std::size_t unrun = 0;  // dropped, expired or refused
  std::size_t batches = 0;

  // Of those that were run.
  [[nodiscard]] double late_percent() const {
    const auto run = static_cast<double>(in_time + late);
    return run == 0 ? 0 : 100 * static_cast<double>(late) / run;
  }
};

class TargetSimulation final : private Clock {
 public:
  // `options.runners` is the world's. `with_deadlines`: each request carries one, at the target.
  TargetSimulation(const World& world, const Arrivals& arrivals, QueueOptions options,
                   bool with_deadlines, std::uint64_t seed)
      : world_(world),
        arrivals_(arrivals),
        with_deadlines_(with_deadlines),
        noise_(seed),
        batches_(world.runners),
        ends_(world.runners, kForever) {
    options.runners = world.runners;
    options.limits.max_rows = std::min(options.limits.max_rows, world.max_rows);
    queue_ = std::make_unique<BatchQueue>(std::move(options), static_cast<Clock&>(*this), metrics_);
  }

  [[nodiscard]] Outcome run() {
    while (next_worker_ < world_.runners)
      take_as(next_worker_++);
    while (!closed_)
      step(kForever);
    outcome_.unrun = arrivals_.size() - outcome_.in_time - outcome_.late;
    return outcome_;
  }
  [[nodiscard]] const BatchingMetrics& metrics() const { return metrics_; }

 private:
  static constexpr TimePoint kBegin{std::chrono::hours(1)};

  static TimePoint at(double ms) {
    return kBegin +
           std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
  }
  TimePoint target_of(double arrival) const { return at(arrival + world_.target_ms); }

  void offer() {
    const double arrival = arrivals_[next_arrival_++];
    auto request = std::make_unique<PendingRequest>();
    if (with_deadlines_) request->request.deadline = target_of(arrival);
    queue_->offer(std::move(request));
  }

  void take_as(std::size_t worker) {
    Batch& batch = batches_[worker];
    queue_->take(worker, batch);
    if (batch.requests.empty()) return;  // closed
    ++outcome_.batches;
    ends_[worker] =
        now_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(
                   world_.cost_ms(batch.rows) * noise_.factor()));
  }

  void end_run(std::size_t worker) {
    ends_[worker] = kForever;
    Batch& batch = batches_[worker];
    queue_->finish(batch.runner);
    const auto target = std::chrono::duration<double, std::milli>(world_.target_ms);
    for (PendingRequestPtr& request : batch.requests) {
      (now_ - request->accepted_at <= target ? outcome_.in_time : outcome_.late) += 1;
      answer(std::move(request), InferResponse());
    }
    batch.succeeded = true;
    take_as(worker);
  }

  // What happens next, or the moment `until` where that is earlier.
  void step(TimePoint until) {
    const auto end = std::ranges::min_element(ends_);
    const TimePoint arrival =
        next_arrival_ < arrivals_.size() ? at(arrivals_[next_arrival_]) : kForever;
    const TimePoint next = std::min({arrival, *end, until});
    if (next == kForever) {
      closed_ = true;
      queue_->close();
      return;
    }
    now_ = std::max(now_, next);
    if (next == until) return;
    if (next == arrival) return offer();
    end_run(static_cast<std::size_t>(end - ends_.begin()));
  }

  TimePoint now() noexcept override { return now_; }

  void wait_until(CondVar& /*condition*/, MutexLock& lock,
                  TimePoint until) override MUSTER_NO_THREAD_SAFETY_ANALYSIS {
    if (until <= now_) return;
    lock.unlock();
    if (next_worker_ < world_.runners) {
      take_as(next_worker_++);
    } else {
      step(until);
    }
    lock.lock();
  }

  const World& world_;
  const Arrivals& arrivals_;
  const bool with_deadlines_;
  Noise noise_;
  std::vector<Batch> batches_;   // by worker
  std::vector<TimePoint> ends_;  // of their runs; kForever = has none
  std::size_t next_worker_ = 0;
  std::size_t next_arrival_ = 0;
  bool closed_ = false;
  TimePoint now_ = kBegin;
  Outcome outcome_;
  BatchingMetrics metrics_;
  std::unique_ptr<BatchQueue> queue_;
};

[[nodiscard]] inline std::chrono::microseconds us_of(double ms) {
  return std::chrono::microseconds(static_cast<std::int64_t>(ms * 1000));
}

[[nodiscard]] inline QueueOptions options_for(const World& world) {
  QueueOptions options;
  options.limits.max_rows = world.max_rows;
  options.levels.front().max_requests = std::size_t{1} << 20;
  return options;
}

// `is_warm`: some sizes have been run before, as a server does before it serves.
[[nodiscard]] inline Outcome run_with_target(const World& world, const Arrivals& arrivals,
                                             std::uint64_t seed, bool is_warm = true) {
  QueueOptions options = options_for(world);
  options.limits.latency_target = us_of(world.target_ms);
  if (is_warm) {
    for (std::int64_t rows = 1; rows < world.max_rows; rows *= 2)
      options.first_costs.push_back({rows, us_of(world.cost_ms(rows))});
    options.first_costs.push_back({world.max_rows, us_of(world.cost_ms(world.max_rows))});
  }
  return TargetSimulation(world, arrivals, std::move(options), false, seed).run();
}

}  // namespace muster::testing
