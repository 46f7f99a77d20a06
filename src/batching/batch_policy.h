// SPDX-License-Identifier: Apache-2.0
// BatchPolicy: take a batch now, or wait until when. A pure function of what waits and of the time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include <muster/inference.h>

namespace muster {

struct BatchLimits {
  std::int64_t max_rows = 1;                    // at least 1
  bool merge = true;                            // false: a batch is one request
  std::vector<std::int64_t> preferred_rows;     // ascending, each in 1..max_rows
  std::chrono::nanoseconds max_queue_delay{0};  // of the oldest request
  // From acceptance to answer; 0 = none. With one, decide_for_target (target/target_policy.h) takes
  // the place of preferred sizes and delay.
  std::chrono::nanoseconds latency_target{0};
};

// The requests that could share a batch, at least one.
struct QueueSnapshot {
  std::int64_t rows = 0;
  TimePoint oldest_accepted;
  TimePoint earliest_deadline = kNoDeadline;
  bool draining = false;
};

// What a policy with a latency target found, finer than the close reason.
enum class TargetChoice : std::uint8_t {
  kNone,      // there is no latency target
  kLearning,  // nothing is known of the cost yet: all that waits goes
  kAtOnce,    // all that waits goes: waiting would gain nothing
  kFull,      // as many rows go as a batch may have, or as run best within the target
  kWaited,    // all that waits goes: it has waited as long as is of use
  kSplit,     // fewer than wait go, as the first could not be answered in time with all
  kHopeless,  // nothing that waits is likely to be in time; a session is idle, so it is tried
  kWait,      // none goes: one more could still be answered in time with these
  kDrop,      // the first is answered unrun, so that those behind it are in time
};
inline constexpr std::size_t kTargetChoiceCount = 9;
// "learning", "at_once", ...; kNone is "none".
[[nodiscard]] std::string_view target_choice_name(TargetChoice choice) noexcept;

struct TakeNow {
  std::int64_t rows;  // at most; requests are not split, so the batch may have fewer
  CloseReason reason;
  TargetChoice choice = TargetChoice::kNone;
};
struct WaitUntil {
  TimePoint time;
};
// Answers the first `requests` in line now, unrun: in time they could only be at others' cost.
struct DropNow {
  std::size_t requests;
};
using BatchDecision = std::variant<TakeNow, WaitUntil, DropNow>;

// In this order: draining takes everything; a full batch goes; the largest preferred size that is
// waiting goes; what has waited its delay goes, as does what would miss its deadline by waiting.
[[nodiscard]] BatchDecision decide(const QueueSnapshot& waiting, TimePoint now,
                                   const BatchLimits& limits) noexcept;

}  // namespace muster
