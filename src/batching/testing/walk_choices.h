// SPDX-License-Identifier: Apache-2.0
// What a QueueWalk chooses, by numbers from outside: the queue's options, and requests.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "batching/batch_queue.h"
#include "batching/testing/reference_policy.h"

namespace muster::testing {

// A number below `bound`; all that happens is chosen by it.
using Pick = std::function<std::uint32_t(std::uint32_t bound)>;

// What durations are whole multiples of.
inline constexpr std::chrono::milliseconds kTick{100};

[[nodiscard]] inline QueueOptions pick_options(const Pick& pick) {
  QueueOptions options;
  options.limits.max_rows = 1 + pick(8);
  options.limits.merge = pick(4) > 0;
  for (std::int64_t size = 1; size <= options.limits.max_rows; ++size) {
    if (pick(6) == 0) options.limits.preferred_rows.push_back(size);
  }
  options.limits.max_queue_delay = pick(3) * 7 * kTick;
  options.levels.resize(pick(2) == 0 ? 1 : 1 + pick(3));
  for (QueueLevel& level : options.levels) {
    level.max_requests = 1 + pick(12);
    level.timeout = pick(3) * 5 * kTick;
    level.delays = pick(2) == 0;
  }
  options.default_level = pick(static_cast<std::uint32_t>(options.levels.size()));
  options.max_bytes = 50 + pick(200);
  options.runners = 1 + pick(3);
  options.runners_are_thread_bound = pick(2) == 0;
  return options;
}

inline void pick_size(const Pick& pick, const QueueOptions& options, ReferenceRequest& request) {
  request.rows = 1 + pick(static_cast<std::uint32_t>(options.limits.max_rows));
  request.bytes = pick(40);
}

[[nodiscard]] inline ReferenceRequest pick_request(const Pick& pick, const QueueOptions& options,
                                                   TimePoint now) {
  ReferenceRequest request;
  request.width = 1 + pick(3);
  request.priority = pick(static_cast<std::uint32_t>(options.levels.size() + 2));
  // Or at once, which is too late.
  if (pick(2) != 0) request.deadline = now + pick(20) * kTick;
  pick_size(pick, options, request);
  return request;
}

}  // namespace muster::testing
