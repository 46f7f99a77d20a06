// SPDX-License-Identifier: Apache-2.0
// Holds a parsed text against the field rules: what is not honoured is told by name.
#pragma once

#include "model_config/problems.h"

namespace muster {

// Visits every field that is there. False where a repeated field has more entries than
// kMaxConfigEntries: then the rest of the text is not worth looking at.
[[nodiscard]] bool check_fields(const Located& config, Problems& problems);

}  // namespace muster
