// SPDX-License-Identifier: Apache-2.0
#include "protocol/infer_call.h"

#include <optional>

#include "base/text.h"

namespace muster {

Result<std::int64_t> parse_model_version(std::string_view text) {
  if (text.empty()) return std::int64_t{0};
  const bool digits = text.find_first_not_of("0123456789") == std::string_view::npos;
  const std::optional<std::int64_t> version = digits ? parse_int(text) : std::nullopt;
  if (!version || *version < 1) {
    return invalid_argument("the model version '" + printable(text) + "' is no positive number");
  }
  return *version;
}

}  // namespace muster
