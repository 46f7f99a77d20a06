// SPDX-License-Identifier: Apache-2.0
#include "batching/batch_policy.h"

#include <algorithm>
#include <array>

#include "base/clock.h"

namespace muster {

std::string_view target_choice_name(TargetChoice choice) noexcept {
  constexpr std::array<std::string_view, kTargetChoiceCount> kNames = {
      "none", "learning", "at_once", "full", "waited", "split", "hopeless", "wait", "drop"};
  return kNames[static_cast<std::size_t>(choice)];
}

BatchDecision decide(const QueueSnapshot& waiting, TimePoint now,
                     const BatchLimits& limits) noexcept {
  const std::int64_t most = std::min(waiting.rows, limits.max_rows);
  if (waiting.draining) return TakeNow{most, CloseReason::kDrain};
  if (!limits.merge || waiting.rows >= limits.max_rows) return TakeNow{most, CloseReason::kFull};

  const auto above = std::ranges::upper_bound(limits.preferred_rows, waiting.rows);
  if (above != limits.preferred_rows.begin()) return TakeNow{*(above - 1), CloseReason::kPreferred};

  const TimePoint due = add_saturating(waiting.oldest_accepted, limits.max_queue_delay);
  if (now >= due) return TakeNow{most, CloseReason::kDelay};
  // Waiting for the delay would let this one expire in the queue.
  if (waiting.earliest_deadline <= due) return TakeNow{most, CloseReason::kDeadline};
  return WaitUntil{due};
}

}  // namespace muster
