// SPDX-License-Identifier: Apache-2.0
// What `muster explain` prints for people.
#pragma once

#include <string>

#include "inference/model_control.h"

namespace muster {

// Several lines, ending in a line break. Text of the server's is made printable.
[[nodiscard]] std::string explain_text(const BatchingExplanation& explanation);

}  // namespace muster
