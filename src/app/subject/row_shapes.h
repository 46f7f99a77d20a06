// SPDX-License-Identifier: Apache-2.0
// The flag --shape of every verb that makes up inputs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "measuring/sample_inputs.h"

namespace muster {

// "NAME:REST" split at its last colon, as a name may have colons itself. Empty parts: no pair.
struct NamedText {
  std::string_view name;
  std::string_view rest;
};
[[nodiscard]] NamedText split_name(std::string_view text) noexcept;

// "input:3,224,224" and the like, each for another input.
[[nodiscard]] Result<RowShapes> parse_row_shapes(const std::vector<std::string>& texts);

}  // namespace muster
