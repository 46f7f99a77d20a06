// SPDX-License-Identifier: Apache-2.0
// What batching counts. Accepted = succeeded + failed + expired + cancelled + waiting + in flight.
// Every counter only grows; what waits and what is in flight follows from them.
//
// Durations that are sums over requests count, for each request, what its whole batch took: the
// protocol's statistics want them so. A part of a split request counts as a request here.
#pragma once

#include <algorithm>
#include <array>

#include <muster/inference.h>

#include "batching/target/target_metrics.h"
#include "metrics/instruments.h"

namespace muster {

// Of the batches of one size that succeeded: copying in, running, and copying out.
struct BatchStages {
  DurationTotal gather;
  DurationTotal compute;
  DurationTotal scatter;
};

// Several queues may share one, as a model's old version and its new one do while it is reloaded.
struct BatchingMetrics {
  // Requests; durations from acceptance to answer.
  Counter accepted;
  Counter refused;  // queue full or closed
  Counter taken;    // by a worker, or by the caller that runs its own
  DurationHistogram succeeded;
  DurationTotal failed;     // by the runtime, or as an input could not be read any more
  DurationTotal expired;    // before they could be run
  DurationTotal cancelled;  // likewise
  DurationHistogram queue;  // from acceptance until the batch was taken, of all that were run
  // Of the requests that succeeded: copying in, running, and copying out.
  DurationTotal gather;
  DurationTotal compute;
  DurationTotal scatter;

  // Batches.
  Counter rows;  // run, whether they succeeded or not
  std::array<Counter, kCloseReasonCount> batches_by_reason;
  Counter batches_split;  // by half as the session had no memory for them; each half that was, too
  SizeHistogram batch_rows;
  DurationHistogram batch_compute;  // of those that succeeded, as the next
  BySize<BatchStages> stages_by_rows;
  TargetMetrics target;
  Gauge last_batch;  // when one ended last: milliseconds since the epoch (1970), 0 = never

  // Requests. What leaves is read before what comes, so that what happens in between is not
  // missing; both trail by a moment.
  [[nodiscard]] std::uint64_t waiting() const noexcept {
    const std::uint64_t left = taken.value() + expired.count() + cancelled.count();
    return std::max(accepted.value(), left) - left;
  }
  [[nodiscard]] std::uint64_t in_flight() const noexcept {
    const std::uint64_t answered = succeeded.count() + failed.count();
    return std::max(taken.value(), answered) - answered;
  }
};

}  // namespace muster
