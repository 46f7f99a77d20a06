// SPDX-License-Identifier: Apache-2.0
// What batching counts. Accepted = succeeded + failed + expired + cancelled + waiting + in flight.
//
// Durations that are sums over requests count, for each request, what its whole batch took: the
// protocol's statistics want them so. A part of a split request counts as a request here.
#pragma once

#include <algorithm>
#include <array>

#include <muster/inference.h>

#include "metrics/instruments.h"

namespace muster {

// Of the batches of one size that succeeded: copying in, running, and copying out.
struct BatchStages {
  DurationTotal gather;
  DurationTotal compute;
  DurationTotal scatter;
};

// One queue and its runners write; it may be handed to the next queue when that one has drained.
struct BatchingMetrics {
  // Requests; durations from acceptance to answer.
  Counter accepted;
  Counter refused;  // queue full or closed
  DurationHistogram succeeded;
  DurationTotal failed;     // by the runtime
  DurationTotal expired;    // before they could be run
  DurationTotal cancelled;  // likewise
  DurationHistogram queue;  // from acceptance until the batch was taken, of all that were run
  // Of the requests that succeeded: copying in, running, and copying out.
  DurationTotal gather;
  DurationTotal compute;
  DurationTotal scatter;
  Gauge waiting;

  // Batches.
  Counter rows;  // run, whether they succeeded or not
  std::array<Counter, kCloseReasonCount> batches_by_reason;
  SizeHistogram batch_rows;
  DurationHistogram batch_compute;  // of those that succeeded, as the next
  BySize<BatchStages> stages_by_rows;
  Gauge last_batch;  // when one ended last: milliseconds since the epoch (1970), 0 = never

  // Requests taken and not yet answered. Trails by a moment, as all that is read here.
  [[nodiscard]] std::uint64_t in_flight() const noexcept {
    // In this order, so that a request that is answered meanwhile is not counted as missing.
    const std::uint64_t left = succeeded.count() + failed.count() + expired.count() +
                               cancelled.count() + static_cast<std::uint64_t>(waiting.value());
    return std::max(accepted.value(), left) - left;
  }
};

}  // namespace muster
