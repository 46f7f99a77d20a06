// SPDX-License-Identifier: Apache-2.0
// What is counted of one version of a model. It belongs to the registry of versions, not to what is
// loaded, so that it survives a reload.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "batching/batching_metrics.h"
#include "inference/model_control.h"
#include "metrics/instruments.h"

namespace muster {

struct VersionMetrics {
  BatchingMetrics batching;
  Counter not_fitting;  // refused by the check, before batching
  Counter loads;        // that ended in readiness
  Counter failed_loads;
  // What loads wanted compiled (CompiledCacheUse).
  Counter cache_hits;
  Counter cache_misses;
  Counter cache_rebuilt;
  // Preparations by how they ended (PreparationState); those that were given up have no state.
  Counter preparations_in_use;
  Counter preparations_failed;
  Counter preparations_different;
  Counter preparations_given_up;
};

struct VersionMetricsView {
  std::string_view model;
  std::int64_t version = 0;
  ModelState state = ModelState::kUnknown;
  std::chrono::nanoseconds load_time{0};  // of the newest load that ended in readiness
  std::string_view runtime;               // of that load; "" = there was none
  const VersionMetrics& counted;
  ModelPreparation preparation = {};
};

}  // namespace muster
