// SPDX-License-Identifier: Apache-2.0
// What decides in a ReferenceQueue, without a queue: the place of a request among others, and why a
// batch must go now.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "batching/batch_queue.h"

namespace muster::testing {

struct ReferenceRequest {
  int id = 0;
  std::int64_t rows = 1;
  std::size_t bytes = 0;
  std::int64_t width = 0;  // of a row; only equal widths share a batch
  std::uint64_t priority = 0;
  TimePoint deadline = kNoDeadline;
  RequestTicket ticket = 0;
  // Set when it is accepted.
  TimePoint accepted_at = {};
  std::size_t level = 0;
  TimePoint late_at = kNoDeadline;
};

struct ReferenceBatch {
  std::vector<int> ids;
  std::int64_t rows = 0;
  CloseReason reason = CloseReason::kDelay;

  friend bool operator==(const ReferenceBatch&, const ReferenceBatch&) = default;
};

using Group = std::vector<const ReferenceRequest*>;

// Level, whether it is late, and the deadline that counts.
using Place = std::tuple<std::size_t, bool, TimePoint>;
inline Place place_of(const ReferenceRequest& request, TimePoint now) {
  return {request.level, request.late_at <= now,
          std::min(request.deadline, request.accepted_at + WaitingLine::kUndatedHorizon)};
}

inline void accept(ReferenceRequest& request, const QueueOptions& options, TimePoint now) {
  request.accepted_at = now;
  request.level = options.default_level;
  for (std::size_t level = 0; level < options.levels.size(); ++level) {
    if (request.priority == level + 1) request.level = level;
  }
  const QueueLevel& level = options.levels[request.level];
  if (level.timeout.count() == 0) return;
  TimePoint& limit = level.delays ? request.late_at : request.deadline;
  limit = std::min(limit, now + level.timeout);
}

// Why a batch of the group must go now, and with how many rows at most.
[[nodiscard]] inline std::pair<std::optional<CloseReason>, std::int64_t> due(
    const Group& members, const BatchLimits& limits, bool closed, TimePoint now) {
  std::int64_t rows = 0;
  TimePoint patience = kNoDeadline;
  for (const ReferenceRequest* member : members) {
    rows += member->rows;
    patience = std::min(patience, add_saturating(member->accepted_at, limits.max_queue_delay));
  }
  const std::int64_t most = std::min(rows, limits.max_rows);
  if (closed) return {CloseReason::kDrain, most};
  if (!limits.merge || rows >= limits.max_rows) return {CloseReason::kFull, most};
  std::int64_t preferred = 0;
  for (const std::int64_t size : limits.preferred_rows) {
    if (size <= rows) preferred = std::max(preferred, size);
  }
  if (preferred > 0) return {CloseReason::kPreferred, preferred};
  if (patience <= now) return {CloseReason::kDelay, most};
  for (const ReferenceRequest* member : members) {
    if (member->deadline <= patience) return {CloseReason::kDeadline, most};
  }
  return {std::nullopt, 0};
}

}  // namespace muster::testing
