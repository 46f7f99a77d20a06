// SPDX-License-Identifier: Apache-2.0
// BatchPolicy: take a batch now, or wait until when. A pure function of what waits and of the time.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include <muster/inference.h>

namespace muster {

struct BatchLimits {
  std::int64_t max_rows = 1;                    // at least 1
  bool merge = true;                            // false: a batch is one request
  std::vector<std::int64_t> preferred_rows;     // ascending, each in 1..max_rows
  std::chrono::nanoseconds max_queue_delay{0};  // of the oldest request
};

// The requests that could share a batch, at least one.
struct QueueSnapshot {
  std::int64_t rows = 0;
  TimePoint oldest_accepted;
  TimePoint earliest_deadline = kNoDeadline;
  bool draining = false;
};

struct TakeNow {
  std::int64_t rows;  // at most; requests are not split, so the batch may have fewer
  CloseReason reason;
};
struct WaitUntil {
  TimePoint time;
};
using BatchDecision = std::variant<TakeNow, WaitUntil>;

// In this order: draining takes everything; a full batch goes; the largest preferred size that is
// waiting goes; what has waited its delay goes, as does what would miss its deadline by waiting.
[[nodiscard]] BatchDecision decide(const QueueSnapshot& waiting, TimePoint now,
                                   const BatchLimits& limits) noexcept;

}  // namespace muster
