// SPDX-License-Identifier: Apache-2.0
// Outside text in messages.
#pragma once

#include <string>
#include <string_view>

#include "base/text.h"

namespace muster {

[[nodiscard]] inline std::string in_quotes(std::string_view text) {
  return "'" + printable(text) + "'";
}

}  // namespace muster
