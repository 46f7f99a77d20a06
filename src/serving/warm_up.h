// SPDX-License-Identifier: Apache-2.0
// WarmUp: runs a model on zeros before it serves, at the batch sizes it will see, so that no
// request is the first of its size; and sees whether its outputs follow the number of rows. What a
// model file declares does not tell: an axis may be open and hold something else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include <muster/backend.h>

#include "base/clock.h"
#include "base/memory/process_memory.h"
#include "batching/target/latency_target.h"

namespace muster {

// Every batch size up to this is warmed up; of those above it powers of two, the preferred ones and
// the largest.
inline constexpr std::int64_t kEverySizeUpTo = 128;

enum class WarmUpExtent : std::uint8_t {
  kProbe,      // one row and two: what tells whether rows of several requests can share a batch
  kEverySize,  // all that can come
};

// A size gains from its warm-up if the first session that runs it takes longer than the second by
// more than this part of it, and by more than this time: what is less happens to a request anyway.
inline constexpr double kGain = 0.5;
inline constexpr std::chrono::microseconds kLeastGain{200};

enum class WarmUpPace : std::uint8_t {
  kQuick,   // somebody waits for the model
  kGentle,  // an older version answers meanwhile, and its requests need the processors
};

// Gentle: after each run the processor is left to others for twice as long as it was used, up to
// this. A longer run has been interrupted for them anyway.
inline constexpr std::chrono::milliseconds kLongestPause{10};

// In the order in which they are run. `essential`: how many of the first have a time of their own:
// the probe's, powers of two, preferred sizes and the largest. `samples`: how many of those behind
// them are run twice, in two sessions; unless most are slower the first time, the rest has nothing
// to gain.
struct WarmUpSizes {
  std::vector<std::int64_t> rows;
  std::size_t essential = 0;
  std::size_t samples = 0;
};
[[nodiscard]] WarmUpSizes warm_up_sizes(const BatchingOptions& batching, WarmUpExtent extent);

// What ends a warm-up before all of it is run.
struct WarmUpLimits {
  // The probe's sizes are run however long they take; the other essential ones where they are
  // foreseen to be over by then, by what was run before.
  Clock::TimePoint essential = Clock::kForever;
  Clock::TimePoint rest = Clock::TimePoint::min();  // none of it begins later
  std::stop_token give_up = {};                     // looked at before each run
};

struct WarmUpFindings {
  // Why rows of several requests cannot share a batch; "" = they can.
  std::string not_mergeable;
  // Why the model could not be tried, or not with more rows; "" = it was.
  std::string not_tried;
  // A session is broken for good: the model cannot serve.
  Status broken;
  // Not run, because the memory is not there for it (memory_foresight.h): the model cannot serve
  // batches as large as it is to.
  Status too_large;
  bool given_up = false;       // as the limits say
  std::size_t sizes_left = 0;  // for want of time
  // Not run either: sizes that are as quick the first time, as far as the samples tell.
  std::size_t sizes_spared = 0;
  // Where the model has a latency target: what the essential sizes take when they are run again.
  std::vector<FirstCost> costs;
};

// Blocks, at most until about the later of the limits or as long as the probe takes. Models with
// open dimensions besides the batch axis are not tried: no size can be guessed that suits them.
// Only the outputs that `config` serves must follow the rows. Nothing is run where the model gains
// nothing. What may not fit into `memory` or into the time is run after all that is smaller, and
// only if that took less.
[[nodiscard]] WarmUpFindings warm_up(const CompiledModel& model, const ModelConfig& config,
                                     WarmUpExtent extent, WarmUpPace pace, Clock& clock,
                                     const WarmUpLimits& limits,
                                     ProcessMemory& memory = process_memory());

}  // namespace muster
