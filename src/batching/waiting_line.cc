// SPDX-License-Identifier: Apache-2.0
#include "batching/waiting_line.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "base/clock.h"

namespace muster {
namespace {

bool same_row_shapes(const PendingRequest& a, const PendingRequest& b) {
  return std::ranges::equal(
      a.request.inputs, b.request.inputs, [](const InferInput& x, const InferInput& y) {
        return x.tensor.shape.without_first() == y.tensor.shape.without_first();
      });
}

// Two to a level: those in time, then the late ones.
std::uint32_t rank_of(std::size_t level, bool late) {
  return static_cast<std::uint32_t>(2 * level + (late ? 1 : 0));
}
bool is_late(const PendingRequest& request) {
  return request.rank % 2 == 1;
}

bool stands_before(const PendingRequest& a, const PendingRequest& b) {
  return a.rank != b.rank ? a.rank < b.rank : a.order_key < b.order_key;
}
using Line = std::deque<PendingRequestPtr>;

Line::iterator place_behind_equals(Line& line, const PendingRequest& request) {
  return std::upper_bound(line.begin(), line.end(), request,
                          [](const PendingRequest& one, const PendingRequestPtr& other) {
                            return stands_before(one, *other);
                          });
}

// Of one that is in the line.
Line::iterator place_of(Line& line, const PendingRequest& request) {
  auto place = std::lower_bound(line.begin(), line.end(), request,
                                [](const PendingRequestPtr& one, const PendingRequest& other) {
                                  return stands_before(*one, other);
                                });
  while (place->get() != &request)
    ++place;
  return place;
}

std::size_t count_chains(std::span<const QueueLevel> levels) {
  constexpr std::size_t kMost = 4096;
  std::size_t requests = 1;
  for (const QueueLevel& level : levels)
    requests = std::min(kMost, requests + level.max_requests);
  return std::bit_ceil(requests);
}

}  // namespace

WaitingLine::WaitingLine(std::vector<QueueLevel> levels, std::size_t default_level)
    : levels_(std::move(levels)),
      default_level_(default_level),
      in_order_of_arrival_(levels_.size() == 1 && !levels_.front().delays),
      level_sizes_(levels_.size()),
      chains_(count_chains(levels_)) {
  MUSTER_CHECK(default_level_ < levels_.size());
}

void WaitingLine::place(PendingRequest& request, TimePoint now) const {
  const std::uint64_t priority = request.request.priority;
  const std::size_t level =
      priority == 0 || priority > levels_.size() ? default_level_ : priority - 1;
  const QueueLevel& rules = levels_[level];
  TimePoint& deadline = request.request.deadline;
  request.accepted_at = now;
  request.rank = rank_of(level, false);
  request.late_at = kNoDeadline;
  if (rules.timeout.count() > 0) {
    const TimePoint over = add_saturating(now, rules.timeout);
    if (rules.delays) {
      request.late_at = over;
    } else {
      deadline = std::min(deadline, over);
    }
  }
  request.order_key = std::min(deadline, add_saturating(now, kUndatedHorizon));
}

std::vector<WaitingLine::Group>::iterator WaitingLine::find_group(const PendingRequest& request) {
  return std::ranges::find_if(groups_, [&](const Group& group) {
    if (group.row_key != request.row_key) return false;
    if (group.row_key == 0) return true;
    return !group.requests.empty() && same_row_shapes(*group.requests.front(), request);
  });
}

PendingRequest*& WaitingLine::chain_of(RequestTicket ticket) {
  return chains_[ticket & (chains_.size() - 1)];
}

void WaitingLine::insert(PendingRequestPtr request) {
  auto found = find_group(*request);
  if (found == groups_.end()) found = groups_.emplace(found, request->row_key);
  Group& group = *found;
  const TimePoint deadline = request->request.deadline;
  ++size_;
  ++level_sizes_[level_of(*request)];
  bytes_ += request->bytes;
  group.rows += request->rows;
  if (deadline != kNoDeadline) ++group.dated;
  earliest_deadline_ = std::min(earliest_deadline_, deadline);
  earliest_lateness_ = std::min(earliest_lateness_, request->late_at);
  if (request->request.ticket != 0)
    request->next_in_chain = std::exchange(chain_of(request->request.ticket), request.get());

  // Most requests come in order.
  auto place = group.requests.end();
  if (!group.requests.empty() && stands_before(*request, *group.requests.back()))
    place = place_behind_equals(group.requests, *request);
  group.requests.insert(place, std::move(request));
}

std::size_t WaitingLine::waiting_groups() const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(groups_, [](const Group& group) { return !group.requests.empty(); }));
}

QueueSnapshot WaitingLine::snapshot(const Group& group, const BatchLimits& limits) const {
  QueueSnapshot snapshot{group.rows, group.requests.front()->accepted_at, kNoDeadline, false};
  // Where the batch is full, nobody waits; so those looked at are fewer than max_rows.
  if (limits.max_queue_delay.count() == 0 || group.rows >= limits.max_rows) return snapshot;
  if (in_order_of_arrival_ && group.dated == 0) return snapshot;
  for (const PendingRequestPtr& request : group.requests) {
    snapshot.oldest_accepted = std::min(snapshot.oldest_accepted, request->accepted_at);
    snapshot.earliest_deadline = std::min(snapshot.earliest_deadline, request->request.deadline);
  }
  return snapshot;
}

LineView WaitingLine::view(const Group& group, std::int64_t rows,
                           std::vector<LineMember>& members) const {
  members.clear();
  LineView view;
  std::int64_t viewed = 0;
  const std::uint32_t rank = group.requests.front()->rank;
  for (const PendingRequestPtr& request : group.requests) {
    if (request->rank != rank) {
      view.rows_of_others = group.rows - viewed;
      break;
    }
    if (viewed >= rows) {
      view.more = true;
      break;
    }
    members.push_back({request->answer_by, request->rows});
    viewed += request->rows;
  }
  // Who stands behind with less time left, as the line's order knows but the near future, decides
  // for those in front of him too: they share a batch.
  for (std::size_t i = members.size(); i-- > 1;)
    members[i - 1].answer_by = std::min(members[i - 1].answer_by, members[i].answer_by);
  view.members = members;
  return view;
}

bool WaitingLine::goes_before(const Group& a, const Group& b) {
  return stands_before(*a.requests.front(), *b.requests.front());
}

PendingRequestPtr WaitingLine::take(Group& group, std::size_t index) {
  const auto place = group.requests.begin() + static_cast<std::ptrdiff_t>(index);
  PendingRequestPtr request = std::move(*place);
  group.requests.erase(place);
  group.rows -= request->rows;
  if (request->request.deadline != kNoDeadline) --group.dated;
  --size_;
  --level_sizes_[level_of(*request)];
  bytes_ -= request->bytes;
  if (request->request.ticket != 0) {
    PendingRequest** link = &chain_of(request->request.ticket);
    while (*link != request.get())
      link = &(*link)->next_in_chain;
    *link = request->next_in_chain;
  }
  return request;
}

PendingRequestPtr WaitingLine::take_first(std::size_t group) {
  return take(groups_[group], 0);
}

void WaitingLine::take_ticket(RequestTicket ticket, std::vector<PendingRequestPtr>& taken) {
  for (PendingRequest* request = chain_of(ticket); request != nullptr;) {
    PendingRequest* const next = request->next_in_chain;
    if (request->request.ticket == ticket) {
      Group& group = *find_group(*request);
      const auto place = place_of(group.requests, *request);
      taken.push_back(take(group, static_cast<std::size_t>(place - group.requests.begin())));
    }
    request = next;
  }
}

void WaitingLine::take_expired(TimePoint now, std::vector<PendingRequestPtr>& taken) {
  if (now < earliest_deadline_) return;
  earliest_deadline_ = kNoDeadline;
  for (Group& group : groups_) {
    if (group.dated > 0) take_expired_of(group, now, taken);
  }
}

// Of one rank, those that have expired stand in front of the first whose place is not in the past,
// and who stands there for his own deadline has the earliest of all behind him. So where deadlines
// are near, little more is looked at than what has expired.
void WaitingLine::take_expired_of(Group& group, TimePoint now,
                                  std::vector<PendingRequestPtr>& taken) {
  Line& line = group.requests;
  for (std::size_t i = 0; i < line.size();) {
    const TimePoint deadline = line[i]->request.deadline;
    if (deadline <= now) {
      taken.push_back(take(group, i));
      continue;
    }
    earliest_deadline_ = std::min(earliest_deadline_, deadline);
    if (deadline > line[i]->order_key) {
      ++i;
      continue;
    }
    const auto next_rank = std::upper_bound(
        line.begin() + static_cast<std::ptrdiff_t>(i), line.end(), line[i]->rank,
        [](std::uint32_t rank, const PendingRequestPtr& other) { return rank < other->rank; });
    i = static_cast<std::size_t>(next_rank - line.begin());
  }
}

void WaitingLine::send_back_late(TimePoint now) {
  if (now < earliest_lateness_) return;
  earliest_lateness_ = kNoDeadline;
  for (Group& group : groups_) {
    // In line order, so that what stood first among the late ones stays first.
    std::vector<PendingRequestPtr> late;
    for (PendingRequestPtr& request : group.requests) {
      if (is_late(*request)) continue;
      if (request->late_at <= now) {
        late.push_back(std::move(request));
      } else {
        earliest_lateness_ = std::min(earliest_lateness_, request->late_at);
      }
    }
    if (late.empty()) continue;
    std::erase(group.requests, nullptr);
    for (PendingRequestPtr& request : late) {
      request->rank = rank_of(level_of(*request), true);
      group.requests.insert(place_behind_equals(group.requests, *request), std::move(request));
    }
  }
}

// The group of models with fixed row shapes stays: it would be made again for the next request.
void WaitingLine::drop_empty_groups() {
  std::erase_if(groups_,
                [](const Group& group) { return group.requests.empty() && group.row_key != 0; });
}

}  // namespace muster
