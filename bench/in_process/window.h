// SPDX-License-Identifier: Apache-2.0
// A stretch of time in which what other threads do is counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include <muster/service.h>

#include "bench/statistics.h"

namespace muster::bench {

// Of the threads that are measured: what they do while warming up does not count.
enum class Phase : int { kWarming, kMeasuring, kOver };

// Sizes of the batches in between, and why they were closed.
void put_batches_into(Figures& figures, const ServiceStatistics& before,
                      const ServiceStatistics& after);

// Warms up, measures for `seconds`, ends; `items` is asked at both ends of the measured time.
// `service`: whose batches are counted, if any.
[[nodiscard]] Figures measure_window(const ModelService* service, double seconds,
                                     std::atomic<Phase>& phase,
                                     const std::function<std::uint64_t()>& items);

}  // namespace muster::bench
