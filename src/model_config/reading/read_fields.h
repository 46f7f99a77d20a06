// SPDX-License-Identifier: Apache-2.0
// The fields of a parsed text that are right or wrong without a look at the model.
#pragma once

#include <string_view>

#include "model_config/model_config.h"
#include "model_config/parsed_parts.h"
#include "model_config/problems.h"

namespace muster {

// Fills `parts.config` and `parts.image` from `parts.text`; adds what is wrong.
void read_fields(std::string_view directory_name, ParsedConfig::Parts& parts, Problems& problems);

// The part of it that reads `max_batch_size` and `dynamic_batching`.
void read_batching(ParsedConfig::Parts& parts, Problems& problems);
// The part that reads `parameters` and what is passed on like one.
void read_parameters(ParsedConfig::Parts& parts, Problems& problems);
// The part that reads `optimization.execution_accelerators`.
void read_accelerators(ParsedConfig::Parts& parts, Problems& problems);

// Whether a file of that name can only lie in the folder itself.
[[nodiscard]] bool is_bare_file_name(std::string_view name) noexcept;

}  // namespace muster
