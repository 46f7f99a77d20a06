// SPDX-License-Identifier: Apache-2.0
// What batching counts. Accepted = succeeded + failed + expired + cancelled + still waiting or run.
#pragma once

#include <array>

#include <muster/inference.h>

#include "metrics/instruments.h"

namespace muster {

struct BatchingMetrics {
  Counter accepted;
  Counter refused;  // queue full or closed
  Counter succeeded;
  Counter failed;
  Counter expired;
  Counter cancelled;
  Counter rows;  // run, whether they succeeded or not
  std::array<Counter, kCloseReasonCount> batches_by_reason;
  SizeHistogram batch_rows;
};

}  // namespace muster
