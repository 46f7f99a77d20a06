// SPDX-License-Identifier: Apache-2.0
#include "batching/batch_queue.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "inference/answer_burst.h"

namespace muster {
namespace {

QueueLevel level_of(const QueuePolicy& policy) {
  return {policy.max_queue_size, policy.default_timeout,
          policy.timeout_action == QueuePolicy::TimeoutAction::kDelay};
}

std::size_t bytes_of(std::span<const PendingRequestPtr> requests) {
  std::size_t bytes = 0;
  for (const PendingRequestPtr& request : requests)
    bytes += request->bytes;
  return bytes;
}

}  // namespace

QueueOptions queue_options_of(const ModelConfig& config) {
  const BatchingOptions& batching = config.batching;
  QueueOptions queue;
  queue.limits.max_rows = std::max<std::int64_t>(1, batching.max_batch_size);
  queue.limits.merge = config.dynamic_batching && batching.max_batch_size > 0;
  queue.limits.preferred_rows = batching.preferred_batch_sizes;
  queue.limits.max_queue_delay = batching.max_queue_delay;
  queue.limits.latency_target = batching.latency_target;
  const auto levels = static_cast<std::size_t>(std::max<std::int64_t>(1, batching.priority_levels));
  queue.levels.assign(levels, level_of(batching.default_queue_policy));
  for (const auto& [level, policy] : batching.level_policies)
    queue.levels.at(static_cast<std::size_t>(level - 1)) = level_of(policy);
  queue.default_level =
      static_cast<std::size_t>(std::max<std::int64_t>(1, batching.default_priority_level) - 1);
  queue.max_bytes = batching.max_queue_bytes;
  queue.runners = static_cast<std::size_t>(config.instance_count);
  return queue;
}

BatchQueue::BatchQueue(QueueOptions options, Clock& clock, BatchingMetrics& metrics)
    : options_(std::move(options)),
      clock_(clock),
      metrics_(metrics),
      line_(options_.levels, options_.default_level) {
  MUSTER_CHECK(options_.runners > 0 && options_.limits.max_rows > 0);
  for (std::size_t i = options_.runners; i > 0; --i)
    idle_runners_.push_back(i - 1);
  metrics_.target.target_ns.set(0);
  if (options_.limits.latency_target.count() > 0) {
    target_ = std::make_unique<LatencyTarget>(options_.limits, options_.runners,
                                              options_.first_costs, metrics_.target);
    delivery_ = target_->delivery();
  }
}

BatchQueue::~BatchQueue() = default;  // a waiting request's completion answers for itself

void BatchQueue::offer(PendingRequestPtr request, Waking waking) {
  offer_all({&request, 1}, waking);
}

bool BatchQueue::wake_due() {
  std::size_t woken = 0;
  bool was_full = false;
  {
    const MutexLock lock(mutex_);
    was_full = std::exchange(was_full_, false);
    const TimePoint now = clock_.now();
    while (!line_.empty() && worker_must_wake(now))
      ++woken;
  }
  for (; woken > 0; --woken)
    work_.notify_one();
  return was_full;
}

void BatchQueue::offer_all(std::span<PendingRequestPtr> requests, Waking waking) {
  Status refusal;
  {
    MutexLock lock(mutex_);
    const TimePoint now = clock_.now();
    for (const PendingRequestPtr& request : requests) {
      if (target_) target_->came(request->rows, now);
      aim(*request, now);
      line_.place(*request, now);
    }
    refusal = admit(requests, now);
    if (refusal.ok()) {
      metrics_.accepted.add(requests.size());
      wake_watcher(requests.front()->request.deadline);
      std::size_t woken = 0;
      for (PendingRequestPtr& request : requests) {
        line_.insert(std::move(request));
        if (waking == Waking::kNow && worker_must_wake(now)) ++woken;
      }
      lock.unlock();
      // A worker that is woken under the lock wakes only to wait for it.
      for (; woken > 0; --woken)
        work_.notify_one();
      return;
    }
    was_full_ |= waking == Waking::kLater && refusal.code() == StatusCode::kResourceExhausted &&
                 would_fit_alone(requests);
  }
  if (refusal.code() == StatusCode::kDeadlineExceeded) {
    metrics_.accepted.add(requests.size());
    metrics_.expired.add(std::chrono::nanoseconds(0), requests.size());
  } else {
    metrics_.refused.add(requests.size());
  }
  for (PendingRequestPtr& request : requests)
    answer(std::move(request), refusal);
}

Status BatchQueue::admit(std::span<const PendingRequestPtr> requests, TimePoint now) const {
  const PendingRequest& first = *requests.front();
  if (closed_) return unavailable("the model is closing and takes no more requests");
  if (first.request.deadline <= now) return too_late();
  const std::size_t level = WaitingLine::level_of(first);
  const std::size_t waiting = line_.level_size(level);
  const std::size_t most = line_.level(level).max_requests;
  if (requests.size() > most - std::min(waiting, most)) {
    return resource_exhausted(
        "the queue is full: " + std::to_string(waiting) + " requests " +
        (options_.levels.size() > 1 ? "of priority " + std::to_string(level + 1) + " " : "") +
        "wait (max_queue_size)");
  }
  if (bytes_of(requests) > options_.max_bytes - std::min(line_.bytes(), options_.max_bytes)) {
    return resource_exhausted("the queue is full: " + std::to_string(line_.bytes()) +
                              " bytes wait (max_queue_bytes)");
  }
  return {};
}

bool BatchQueue::would_fit_alone(std::span<const PendingRequestPtr> requests) const {
  const std::size_t level = WaitingLine::level_of(*requests.front());
  return requests.size() <= line_.level(level).max_requests &&
         bytes_of(requests) <= options_.max_bytes;
}

std::optional<BatchQueue::Claim> BatchQueue::claim_for(PendingRequest& request) {
  if (options_.runners_are_thread_bound) return std::nullopt;
  const MutexLock lock(mutex_);
  if (closed_ || !line_.empty() || idle_runners_.empty()) return std::nullopt;
  if (lone_batches_ < kLoneBatches) return std::nullopt;
  const TimePoint now = clock_.now();
  const TimePoint own_deadline = request.request.deadline;
  if (own_deadline <= now) return std::nullopt;
  aim(request, now);
  line_.place(request, now);
  const BatchDecision decision = decide_alone(request, now);
  const auto* take = std::get_if<TakeNow>(&decision);
  if (take == nullptr) {
    request.request.deadline = own_deadline;  // it will be offered
    return std::nullopt;
  }
  if (target_) {
    target_->came(request.rows, now);
    target_->metrics().note(take->choice);
  }
  metrics_.accepted.add();
  metrics_.taken.add();
  const std::size_t runner = idle_runners_.back();
  idle_runners_.pop_back();
  return Claim{runner, take->reason};
}

void BatchQueue::take(std::size_t worker, Batch& batch) {
  Answers expired;
  MutexLock lock(mutex_);
  if (std::exchange(batch.succeeded, false)) learn(batch.rows, batch.taken_at);
  batch.requests.clear();
  batch.rows = 0;
  while (true) {
    const TimePoint now = clock_.now();
    // The worker would answer as many as it runs while its session is idle. But what is answered
    // more slowly than it is dropped must not pile up.
    const bool hands_over = target_ && watching_ && late_.empty() && dropped_.empty();
    collect_expired(now, hands_over ? late_ : expired);
    if (hands_over && !late_.empty()) deadlines_.notify_one();
    if (!expired.empty()) {
      // This worker may have been the one that was to wake when the rest is due.
      if (!line_.empty()) wake_worker_if_due(now);
      lock.unlock();
      answer_all(expired, too_late());
      lock.lock();
      continue;
    }
    if (closed_ && line_.empty()) return;
    TimePoint next = Clock::kForever;
    if (!line_.empty() && runner_free(worker)) {
      line_.send_back_late(now);
      const auto choice = choose(now, next);
      if (choice && std::holds_alternative<DropNow>(choice->act)) {
        drop(choice->group, std::get<DropNow>(choice->act).requests, now,
             hands_over ? dropped_ : expired);
        if (hands_over) {
          deadlines_.notify_one();
          continue;
        }
        // The rest is due, and need not wait until these are answered.
        if (!line_.empty()) wake_worker_if_due(now);
        lock.unlock();
        answer_all(expired, dropped());
        lock.lock();
        continue;
      }
      if (choice) {
        batch.runner = claim_runner(worker);
        fill(choice->group, std::get<TakeNow>(choice->act), now, batch);
        // Another group may be due, or waiting for its moment with nobody awake to see it come.
        if (!line_.empty()) wake_worker_if_due(now);
        return;
      }
    }
    if (target_ && next != Clock::kForever) target_->metrics().note(TargetChoice::kWait);
    workers_sleep_until_ = next;
    ++sleeping_workers_;
    clock_.wait_until(work_, lock, next);
    --sleeping_workers_;
    if (woken_workers_ > 0) --woken_workers_;
    // Who else sleeps, sleeps for a moment of its own, which may be later than this one's was.
    workers_sleep_until_ = Clock::kForever;
  }
}

void BatchQueue::finish(std::size_t runner, const PendingRequest* alone) {
  const MutexLock lock(mutex_);
  if (alone != nullptr) learn(alone->rows, alone->accepted_at);
  idle_runners_.push_back(runner);
  if (!line_.empty()) wake_worker_if_due(clock_.now());
  wake_all_if_drained();
}

bool BatchQueue::cancel(RequestTicket ticket) {
  if (ticket == 0) return false;
  Answers cancelled;
  {
    const MutexLock lock(mutex_);
    line_.take_ticket(ticket, cancelled);
    if (cancelled.empty()) return false;
    line_.drop_empty_groups();
    ++cancelling_;
    wake_all_if_drained();
    const TimePoint now = clock_.now();
    for (const PendingRequestPtr& request : cancelled)
      metrics_.cancelled.add(now - request->accepted_at);
  }
  for (PendingRequestPtr& request : cancelled) {
    answer(std::move(request),
           Status(StatusCode::kCancelled, "the request was cancelled while it waited"));
  }
  const MutexLock lock(mutex_);
  --cancelling_;
  wake_all_if_drained();
  return true;
}

void BatchQueue::watch_deadlines() {
  Answers late;
  Answers dropped_ones;
  MutexLock lock(mutex_);
  watching_ = true;
  while (!(closed_ && line_.empty() && late_.empty() && dropped_.empty())) {
    collect_expired(clock_.now(), late_);
    if (!late_.empty() || !dropped_.empty()) {
      late.swap(late_);
      dropped_ones.swap(dropped_);
      lock.unlock();
      answer_all(late, too_late());
      answer_all(dropped_ones, dropped());
      lock.lock();
      continue;
    }
    watcher_sleeps_until_ = line_.earliest_deadline();
    clock_.wait_until(deadlines_, lock, watcher_sleeps_until_);
  }
  watching_ = false;
}

void BatchQueue::close() {
  const MutexLock lock(mutex_);
  closed_ = true;
  work_.notify_all();
  deadlines_.notify_all();
  drained_.notify_all();
}

void BatchQueue::await_drained() {
  MutexLock lock(mutex_);
  while (
      !(closed_ && line_.empty() && cancelling_ == 0 && idle_runners_.size() == options_.runners)) {
    drained_.wait(lock);
  }
}

std::size_t BatchQueue::waiting() {
  const MutexLock lock(mutex_);
  return line_.size();
}

BatchDecision BatchQueue::decide_on(const WaitingLine::Group& group, TimePoint now) const {
  if (target_) {
    LineView view = line_.view(group, target_->rows_viewed(), target_->view_memory());
    view.draining = closed_;
    return target_->decide(view, now);
  }
  QueueSnapshot snapshot = line_.snapshot(group, options_.limits);
  snapshot.draining = closed_;
  return decide(snapshot, now, options_.limits);
}

BatchDecision BatchQueue::decide_alone(const PendingRequest& request, TimePoint now) const {
  if (!target_)
    return decide({request.rows, now, request.request.deadline, false}, now, options_.limits);
  const LineMember member{request.answer_by, request.rows};
  return target_->decide({{&member, 1}}, now);
}

std::optional<BatchQueue::Choice> BatchQueue::choose(TimePoint now, TimePoint& next) const {
  std::optional<Choice> best;
  const auto groups = line_.groups();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].requests.empty()) continue;
    const BatchDecision decision = decide_on(groups[i], now);
    if (const auto* wait = std::get_if<WaitUntil>(&decision)) {
      next = std::min(next, wait->time);
    } else if (!best || WaitingLine::goes_before(groups[i], groups[best->group])) {
      best = Choice{i, decision};
    }
  }
  return best;
}

void BatchQueue::fill(std::size_t group, const TakeNow& take, TimePoint now, Batch& batch) {
  batch.reason = take.reason;
  if (batch.reason == CloseReason::kDelay && line_.waiting_groups() > 1)
    batch.reason = CloseReason::kShape;
  batch.taken_at = now;
  if (target_) target_->metrics().note(take.choice);
  const WaitingLine::Group& waiting = line_.groups()[group];
  do {
    batch.requests.push_back(line_.take_first(group));
    batch.rows += batch.requests.back()->rows;
  } while (options_.limits.merge && !waiting.requests.empty() && may_join(waiting, take, batch));
  line_.drop_empty_groups();
  metrics_.taken.add(batch.requests.size());
  lone_batches_ = batch.requests.size() > 1 ? 0 : lone_batches_ + 1;
}

bool BatchQueue::may_join(const WaitingLine::Group& group, const TakeNow& take,
                          const Batch& batch) const {
  const PendingRequest& next = *group.requests.front();
  const PendingRequest& first = *batch.requests.front();
  const std::int64_t rows = batch.rows + next.rows;
  if (!target_ || next.rank == first.rank) return rows <= take.rows;
  // The decision was about those of the first one's rank. Others may fill the batch up where that
  // makes nobody late.
  const TimePoint end = std::min(first.answer_by, next.answer_by);
  return !closed_ ? rows <= target_->rows_until(end, batch.taken_at)
                  : rows <= options_.limits.max_rows;
}

void BatchQueue::drop(std::size_t group, std::size_t requests, TimePoint now, Answers& dropped) {
  target_->metrics().dropped.add(requests);
  for (; requests > 0; --requests) {
    dropped.push_back(line_.take_first(group));
    metrics_.expired.add(now - dropped.back()->accepted_at);
  }
  target_->metrics().note(TargetChoice::kDrop);
  line_.drop_empty_groups();
  wake_all_if_drained();
}

// Where a session is idle and nothing waits, there is no better use for it than to try.
void BatchQueue::aim(PendingRequest& request, TimePoint now) const {
  if (!target_) return;
  TimePoint& deadline = request.request.deadline;
  if (deadline <= now) return;
  request.answer_by = std::min(deadline, target_->answer_by(request.request.received_at, now));
  const bool is_tried = line_.empty() && !idle_runners_.empty();
  deadline = is_tried ? std::min(deadline, target_->answer_by({}, now))
                      : target_->take_by(request.answer_by, request.rows);
}

void BatchQueue::learn(std::int64_t rows, TimePoint taken_at) {
  if (target_) target_->learn(rows, clock_.now() - taken_at);
}

void BatchQueue::collect_expired(TimePoint now, Answers& expired) {
  const std::size_t before = expired.size();
  line_.take_expired(now, expired);
  if (expired.size() == before) return;
  for (std::size_t i = before; i < expired.size(); ++i)
    metrics_.expired.add(now - expired[i]->accepted_at);
  line_.drop_empty_groups();
  wake_all_if_drained();
}

bool BatchQueue::runner_free(std::size_t worker) const {
  if (!options_.runners_are_thread_bound) return !idle_runners_.empty();
  return std::ranges::find(idle_runners_, worker) != idle_runners_.end();
}

std::size_t BatchQueue::claim_runner(std::size_t worker) {
  const auto mine = options_.runners_are_thread_bound ? std::ranges::find(idle_runners_, worker)
                                                      : idle_runners_.end() - 1;
  const std::size_t runner = *mine;
  idle_runners_.erase(mine);
  return runner;
}

void BatchQueue::wake_worker_if_due(TimePoint now) {
  if (worker_must_wake(now)) work_.notify_one();
}

// Any will do: a worker that is bound to its runner sleeps only while that runner is idle.
bool BatchQueue::worker_must_wake(TimePoint now) {
  if (std::min(sleeping_workers_, idle_runners_.size()) <= woken_workers_) return false;
  if (woken_workers_ > 0) {
    // Who is on his way takes what came meanwhile along, and then looks again himself.
    if (!exceeds_woken_workers(now)) return false;
  } else {
    TimePoint next = Clock::kForever;
    if (!choose(now, next) && next >= workers_sleep_until_) return false;
  }
  ++woken_workers_;
  return true;
}

// Whether more batches are due than workers have been woken for.
bool BatchQueue::exceeds_woken_workers(TimePoint now) const {
  const auto most_rows =
      static_cast<std::size_t>(target_ ? target_->best() : options_.limits.max_rows);
  std::size_t due = 0;
  for (const WaitingLine::Group& group : line_.groups()) {
    if (group.requests.empty() || std::holds_alternative<WaitUntil>(decide_on(group, now)))
      continue;
    due += options_.limits.merge
               ? (static_cast<std::size_t>(group.rows) + most_rows - 1) / most_rows
               : group.requests.size();
  }
  return due > woken_workers_;
}

void BatchQueue::wake_watcher(TimePoint deadline) {
  if (deadline < watcher_sleeps_until_) {
    watcher_sleeps_until_ = deadline;
    deadlines_.notify_one();
  }
}

void BatchQueue::wake_all_if_drained() {
  if (!closed_ || !line_.empty()) return;
  work_.notify_all();
  deadlines_.notify_all();
  drained_.notify_all();
}

void BatchQueue::answer_all(Answers& requests, const Status& status) {
  const AnswerBurst burst;
  for (PendingRequestPtr& request : requests)
    answer(std::move(request), status);
  requests.clear();
}

Status BatchQueue::too_late() const {
  if (options_.limits.latency_target.count() == 0)
    return {StatusCode::kDeadlineExceeded, "the deadline came before the request could be run"};
  return {StatusCode::kDeadlineExceeded,
          "the request could not be answered in time any more: by its own deadline or within " +
              target_text()};
}

Status BatchQueue::dropped() const {
  return {StatusCode::kDeadlineExceeded,
          "the request was dropped, so that those behind it are answered within " + target_text() +
              ": more comes than the model can run"};
}

std::string BatchQueue::target_text() const {
  const auto us =
      std::chrono::duration_cast<std::chrono::microseconds>(options_.limits.latency_target).count();
  return "the model's latency target of " +
         (us % 1000 == 0 ? std::to_string(us / 1000) + " ms" : std::to_string(us) + " us") +
         " (latency_target_ms)";
}

}  // namespace muster
