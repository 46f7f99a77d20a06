// SPDX-License-Identifier: Apache-2.0
// Explanation: how a model's batches form, in figures and in words, and which static settings come
// nearest to what a latency target does now. Pure.
#pragma once

#include <muster/model.h>

#include "base/clock.h"
#include "batching/batching_metrics.h"
#include "inference/model_control.h"

namespace muster {

[[nodiscard]] BatchingExplanation explain_batching(const ModelDescription& model,
                                                   const BatchingMetrics& counted,
                                                   Clock::TimePoint now);

// `config` with settings in place of its latency target: batches of the best size at most; a queue
// timeout that leaves such a batch time to run; a delay where batches are waited for. As it is
// where it has no target or nothing is known of the cost. Settings do not follow the load, and this
// is what it is now.
[[nodiscard]] ModelConfig frozen(const ModelConfig& config, const BatchingMetrics& counted,
                                 Clock::TimePoint now);

}  // namespace muster
