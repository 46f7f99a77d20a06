// SPDX-License-Identifier: Apache-2.0
// ReferenceQueue: what a BatchQueue must do, said as simply as possible and without its cleverness:
// one list in order of arrival, looked through anew for every question.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "batching/batch_queue.h"
#include "batching/testing/reference_policy.h"

namespace muster::testing {

class ReferenceQueue {
 public:
  explicit ReferenceQueue(QueueOptions options) : options_(std::move(options)) {
    for (std::size_t i = options_.runners; i > 0; --i)
      idle_.push_back(i - 1);
  }

  // kOk: all of them wait now. They are alike but for rows and bytes.
  StatusCode offer(std::vector<ReferenceRequest> requests, TimePoint now) {
    if (closed_) return StatusCode::kUnavailable;
    if (requests.front().deadline <= now) return StatusCode::kDeadlineExceeded;
    for (ReferenceRequest& request : requests)
      accept(request, options_, now);
    const std::size_t level = requests.front().level;
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (const auto* list : {&std::as_const(waiting_), &std::as_const(requests)}) {
      for (const ReferenceRequest& request : *list) {
        bytes += request.bytes;
        if (request.level == level) ++count;
      }
    }
    if (count > options_.levels[level].max_requests || bytes > options_.max_bytes)
      return StatusCode::kResourceExhausted;
    const std::int64_t width = requests.front().width;
    if (group(width, now).empty()) std::erase(widths_, width);
    if (std::ranges::find(widths_, width) == widths_.end()) widths_.push_back(width);
    waiting_.insert(waiting_.end(), requests.begin(), requests.end());
    return StatusCode::kOk;
  }

  std::optional<BatchQueue::Claim> claim_for(ReferenceRequest alone, TimePoint now) {
    if (options_.runners_are_thread_bound || closed_ || !waiting_.empty() || idle_.empty())
      return {};
    if (alone.deadline <= now || shared_lately()) return {};
    accept(alone, options_, now);
    const auto reason = due({&alone}, options_.limits, closed_, now).first;
    if (!reason) return {};
    const std::size_t runner = idle_.back();
    idle_.pop_back();
    return BatchQueue::Claim{runner, *reason};
  }

  // Who leaves because the deadline has come.
  std::set<int> expire(TimePoint now) {
    std::set<int> ids;
    for (const ReferenceRequest& request : waiting_) {
      if (request.deadline <= now) ids.insert(request.id);
    }
    std::erase_if(waiting_, [&](const auto& request) { return ids.contains(request.id); });
    return ids;
  }

  std::set<int> cancel(RequestTicket ticket) {
    std::set<int> ids;
    for (const ReferenceRequest& request : waiting_) {
      if (ticket != 0 && request.ticket == ticket) ids.insert(request.id);
    }
    std::erase_if(waiting_, [&](const auto& request) { return ids.contains(request.id); });
    return ids;
  }

  [[nodiscard]] bool runner_free(std::size_t worker) const {
    if (!options_.runners_are_thread_bound) return !idle_.empty();
    return std::ranges::find(idle_, worker) != idle_.end();
  }

  // The batch that is due now, if any, without taking it.
  [[nodiscard]] std::optional<ReferenceBatch> due_batch(TimePoint now) const {
    std::optional<ReferenceBatch> best;
    Place best_place;
    std::size_t groups = 0;
    for (const std::int64_t width : widths_) {
      const Group members = group(width, now);
      if (members.empty()) continue;
      ++groups;
      const auto [reason, rows] = due(members, options_.limits, closed_, now);
      if (!reason || (best && place_of(*members.front(), now) >= best_place)) continue;
      best_place = place_of(*members.front(), now);
      best = ReferenceBatch{{}, 0, *reason};
      for (const ReferenceRequest* member : members) {
        if (!best->ids.empty() && (!options_.limits.merge || best->rows + member->rows > rows))
          break;
        best->ids.push_back(member->id);
        best->rows += member->rows;
      }
    }
    if (groups > 1 && best && best->reason == CloseReason::kDelay)
      best->reason = CloseReason::kShape;
    return best;
  }

  // When the first batch will be due if nothing happens; none is due yet.
  [[nodiscard]] TimePoint next_due() const {
    TimePoint next = kNoDeadline;
    for (const ReferenceRequest& request : waiting_) {
      next = std::min(next, add_saturating(request.accepted_at, options_.limits.max_queue_delay));
    }
    return next;
  }
  [[nodiscard]] TimePoint earliest_deadline() const {
    TimePoint earliest = kNoDeadline;
    for (const auto& request : waiting_)
      earliest = std::min(earliest, request.deadline);
    return earliest;
  }

  void take(const ReferenceBatch& batch, std::size_t runner) {
    std::erase_if(waiting_, [&](const auto& request) {
      return std::ranges::find(batch.ids, request.id) != batch.ids.end();
    });
    std::erase(idle_, runner);
    taken_.push_back(batch.ids.size());
  }
  void finish(std::size_t runner) { idle_.push_back(runner); }
  void close() { closed_ = true; }

  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const std::vector<ReferenceRequest>& waiting() const { return waiting_; }
  [[nodiscard]] std::size_t next_runner(std::size_t worker) const {
    return options_.runners_are_thread_bound ? worker : idle_.back();
  }

 private:
  [[nodiscard]] bool shared_lately() const {
    const std::size_t count = std::min(taken_.size(), BatchQueue::kLoneBatches);
    return std::any_of(taken_.end() - static_cast<std::ptrdiff_t>(count), taken_.end(),
                       [](std::size_t requests) { return requests > 1; });
  }

  [[nodiscard]] Group group(std::int64_t width, TimePoint now) const {
    Group members;
    for (const ReferenceRequest& request : waiting_) {
      if (request.width == width) members.push_back(&request);
    }
    std::ranges::stable_sort(members, {},
                             [&](const auto* member) { return place_of(*member, now); });
    return members;
  }

  const QueueOptions options_;
  std::vector<std::size_t> taken_;         // how many requests each batch had
  std::vector<ReferenceRequest> waiting_;  // in order of arrival
  std::vector<std::int64_t> widths_;       // of the waiting; equals are served in this order
  std::vector<std::size_t> idle_;
  bool closed_ = false;
};

}  // namespace muster::testing
