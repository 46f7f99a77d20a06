// SPDX-License-Identifier: Apache-2.0
// How a model's batches form, as JSON: written by the server, read by `muster explain`.
#pragma once

#include <string>
#include <string_view>

#include "inference/model_control.h"

namespace muster {

// Durations are milliseconds with a fraction ("typical_ms"). What belongs to a latency target is
// left out where there is none.
[[nodiscard]] std::string explanation_json(const BatchingExplanation& explanation);
// Keys that are not known are passed over, so that a newer server can be asked.
[[nodiscard]] Result<BatchingExplanation> parse_explanation(std::string_view json);

}  // namespace muster
