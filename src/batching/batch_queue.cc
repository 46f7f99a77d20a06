// SPDX-License-Identifier: Apache-2.0
#include "batching/batch_queue.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"

namespace muster {
namespace {

bool same_row_shapes(const PendingRequest& a, const PendingRequest& b) {
  if (a.row_key != b.row_key) return false;
  if (a.row_key == 0) return true;
  return std::ranges::equal(
      a.request.inputs, b.request.inputs, [](const InferInput& x, const InferInput& y) {
        return x.tensor.shape.without_first() == y.tensor.shape.without_first();
      });
}

Status too_late() {
  return {StatusCode::kDeadlineExceeded, "the deadline came before the request could be run"};
}

}  // namespace

BatchQueue::BatchQueue(QueueOptions options, Clock& clock, BatchingMetrics& metrics)
    : options_(std::move(options)), clock_(clock), metrics_(metrics) {
  MUSTER_CHECK(options_.runners > 0 && options_.limits.max_rows > 0);
  for (std::size_t i = options_.runners; i > 0; --i)
    idle_runners_.push_back(i - 1);
}

BatchQueue::~BatchQueue() = default;  // a waiting request's completion answers for itself

void BatchQueue::offer(PendingRequestPtr request) {
  Status refusal;
  {
    MutexLock lock(mutex_);
    const TimePoint now = clock_.now();
    refusal = admit(*request, now);
    if (refusal.ok()) {
      const bool wake = insert(std::move(request), now);
      lock.unlock();
      // A worker that is woken under the lock wakes only to wait for it.
      if (wake) work_.notify_one();
      return;
    }
  }
  if (refusal.code() == StatusCode::kDeadlineExceeded) {
    metrics_.accepted.add();
    metrics_.expired.add(std::chrono::nanoseconds(0));
  } else {
    metrics_.refused.add();
  }
  answer(std::move(request), std::move(refusal));
}

Status BatchQueue::admit(const PendingRequest& request, TimePoint now) const {
  if (closed_) return unavailable("the model is closing and takes no more requests");
  if (request.request.deadline <= now) return too_late();
  if (waiting_ >= options_.max_requests) {
    return resource_exhausted("the queue is full: " + std::to_string(waiting_) +
                              " requests wait (max_queue_size)");
  }
  if (request.bytes > options_.max_bytes - std::min(bytes_, options_.max_bytes)) {
    return resource_exhausted("the queue is full: " + std::to_string(bytes_) +
                              " bytes wait (max_queue_bytes)");
  }
  return {};
}

bool BatchQueue::insert(PendingRequestPtr request, TimePoint now) {
  const TimePoint deadline = request->request.deadline;
  request->accepted_at = now;
  request->order_key = std::min(deadline, add_saturating(now, kUndatedHorizon));

  auto group = std::ranges::find_if(groups_, [&](const Group& candidate) {
    return same_row_shapes(*candidate.requests.front(), *request);
  });
  if (group == groups_.end()) {
    groups_.emplace_back();
    group = groups_.end() - 1;
  }
  ++waiting_;
  bytes_ += request->bytes;
  group->rows += request->rows;
  if (deadline != kNoDeadline) ++group->dated;
  // Most requests come in order, so the place is sought from the back.
  auto place = group->requests.end();
  while (place != group->requests.begin() && (*(place - 1))->order_key > request->order_key)
    --place;
  group->requests.insert(place, std::move(request));

  metrics_.accepted.add();
  wake_watcher(deadline);
  return worker_must_wake(now);
}

std::optional<BatchQueue::Claim> BatchQueue::claim_for(PendingRequest& request) {
  if (options_.runners_are_thread_bound) return std::nullopt;
  const MutexLock lock(mutex_);
  if (closed_ || waiting_ > 0 || idle_runners_.empty()) return std::nullopt;
  if (lone_batches_ < kLoneBatches) return std::nullopt;
  const TimePoint now = clock_.now();
  if (request.request.deadline <= now) return std::nullopt;
  const BatchDecision decision =
      decide({request.rows, now, request.request.deadline, false}, now, options_.limits);
  const auto* take = std::get_if<TakeNow>(&decision);
  if (take == nullptr) return std::nullopt;
  request.accepted_at = now;
  metrics_.accepted.add();
  metrics_.taken.add();
  const std::size_t runner = idle_runners_.back();
  idle_runners_.pop_back();
  return Claim{runner, take->reason};
}

void BatchQueue::take(std::size_t worker, Batch& batch) {
  batch.requests.clear();
  batch.rows = 0;
  Answers expired;
  MutexLock lock(mutex_);
  while (true) {
    const TimePoint now = clock_.now();
    collect_expired(now, expired);
    if (!expired.empty()) {
      // This worker may have been the one that was to wake when the rest is due.
      if (waiting_ > 0) wake_worker_if_due(now);
      lock.unlock();
      answer_expired(expired);
      lock.lock();
      continue;
    }
    if (closed_ && waiting_ == 0) return;
    TimePoint next = Clock::kForever;
    if (waiting_ > 0 && runner_free(worker)) {
      if (const auto choice = choose(now, next)) {
        batch.runner = claim_runner(worker);
        fill(*choice, now, batch);
        // Another group may be due, or waiting for its moment with nobody awake to see it come.
        if (waiting_ > 0) wake_worker_if_due(now);
        return;
      }
    }
    workers_sleep_until_ = next;
    ++sleeping_workers_;
    clock_.wait_until(work_, lock, next);
    --sleeping_workers_;
    if (woken_workers_ > 0) --woken_workers_;
    // Who else sleeps, sleeps for a moment of its own, which may be later than this one's was.
    workers_sleep_until_ = Clock::kForever;
  }
}

void BatchQueue::finish(std::size_t runner) {
  const MutexLock lock(mutex_);
  idle_runners_.push_back(runner);
  if (waiting_ > 0) wake_worker_if_due(clock_.now());
  wake_all_if_drained();
}

bool BatchQueue::cancel(RequestTicket ticket) {
  if (ticket == 0) return false;
  PendingRequestPtr cancelled;
  {
    const MutexLock lock(mutex_);
    for (Group& group : groups_) {
      const auto found = std::ranges::find_if(
          group.requests, [&](const auto& waiting) { return waiting->request.ticket == ticket; });
      if (found == group.requests.end()) continue;
      cancelled = remove(group, static_cast<std::size_t>(found - group.requests.begin()));
      break;
    }
    if (!cancelled) return false;
    ++cancelling_;
    metrics_.cancelled.add(clock_.now() - cancelled->accepted_at);
    drop_empty_groups();
    wake_all_if_drained();
  }
  answer(std::move(cancelled),
         Status(StatusCode::kCancelled, "the request was cancelled while it waited"));
  const MutexLock lock(mutex_);
  --cancelling_;
  wake_all_if_drained();
  return true;
}

void BatchQueue::watch_deadlines() {
  Answers expired;
  MutexLock lock(mutex_);
  while (!(closed_ && waiting_ == 0)) {
    collect_expired(clock_.now(), expired);
    if (!expired.empty()) {
      lock.unlock();
      answer_expired(expired);
      lock.lock();
      continue;
    }
    watcher_sleeps_until_ = earliest_deadline_;
    clock_.wait_until(deadlines_, lock, earliest_deadline_);
  }
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
      !(closed_ && waiting_ == 0 && cancelling_ == 0 && idle_runners_.size() == options_.runners)) {
    drained_.wait(lock);
  }
}

std::size_t BatchQueue::waiting() {
  const MutexLock lock(mutex_);
  return waiting_;
}

PendingRequestPtr BatchQueue::remove(Group& group, std::size_t index) {
  const auto place = group.requests.begin() + static_cast<std::ptrdiff_t>(index);
  PendingRequestPtr request = std::move(*place);
  group.requests.erase(place);
  group.rows -= request->rows;
  if (request->request.deadline != kNoDeadline) --group.dated;
  --waiting_;
  bytes_ -= request->bytes;
  return request;
}

void BatchQueue::drop_empty_groups() {
  std::erase_if(groups_, [](const Group& group) { return group.requests.empty(); });
}

QueueSnapshot BatchQueue::snapshot(const Group& group) const {
  QueueSnapshot snapshot{group.rows, group.requests.front()->accepted_at, kNoDeadline, closed_};
  // Without deadlines the order is that of arrival, and the front says it all.
  if (group.dated == 0 || options_.limits.max_queue_delay.count() == 0) return snapshot;
  for (const PendingRequestPtr& request : group.requests) {
    snapshot.oldest_accepted = std::min(snapshot.oldest_accepted, request->accepted_at);
    snapshot.earliest_deadline = std::min(snapshot.earliest_deadline, request->request.deadline);
  }
  return snapshot;
}

std::optional<BatchQueue::Choice> BatchQueue::choose(TimePoint now, TimePoint& next) const {
  std::optional<Choice> best;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const BatchDecision decision = decide(snapshot(groups_[i]), now, options_.limits);
    if (const auto* wait = std::get_if<WaitUntil>(&decision)) {
      next = std::min(next, wait->time);
      continue;
    }
    if (!best ||
        groups_[i].requests.front()->order_key < groups_[best->group].requests.front()->order_key) {
      best = Choice{i, std::get<TakeNow>(decision)};
    }
  }
  return best;
}

void BatchQueue::fill(const Choice& choice, TimePoint now, Batch& batch) {
  Group& group = groups_[choice.group];
  batch.reason = choice.take.reason;
  batch.taken_at = now;
  do {
    batch.requests.push_back(remove(group, 0));
    batch.rows += batch.requests.back()->rows;
  } while (options_.limits.merge && !group.requests.empty() &&
           batch.rows + group.requests.front()->rows <= choice.take.rows);
  metrics_.taken.add(batch.requests.size());
  lone_batches_ = batch.requests.size() > 1 ? 0 : lone_batches_ + 1;
  drop_empty_groups();
}

void BatchQueue::collect_expired(TimePoint now, Answers& expired) {
  if (now < earliest_deadline_) return;
  earliest_deadline_ = kNoDeadline;
  for (Group& group : groups_) {
    if (group.dated == 0) continue;
    for (std::size_t i = 0; i < group.requests.size();) {
      const TimePoint deadline = group.requests[i]->request.deadline;
      if (deadline <= now) {
        expired.push_back(remove(group, i));
        metrics_.expired.add(now - expired.back()->accepted_at);
      } else {
        earliest_deadline_ = std::min(earliest_deadline_, deadline);
        ++i;
      }
    }
  }
  drop_empty_groups();
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
  if (sleeping_workers_ <= woken_workers_ || idle_runners_.empty()) return false;
  TimePoint next = Clock::kForever;
  if (!choose(now, next) && next >= workers_sleep_until_) return false;
  ++woken_workers_;
  return true;
}

void BatchQueue::wake_watcher(TimePoint deadline) {
  if (deadline == kNoDeadline) return;
  earliest_deadline_ = std::min(earliest_deadline_, deadline);
  if (deadline < watcher_sleeps_until_) {
    watcher_sleeps_until_ = deadline;
    deadlines_.notify_one();
  }
}

void BatchQueue::wake_all_if_drained() {
  if (!closed_ || waiting_ > 0) return;
  work_.notify_all();
  deadlines_.notify_all();
  drained_.notify_all();
}

void BatchQueue::answer_expired(Answers& expired) {
  for (PendingRequestPtr& request : expired)
    answer(std::move(request), too_late());
  expired.clear();
}

}  // namespace muster
