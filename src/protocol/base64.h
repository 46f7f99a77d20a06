// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648, section 4), as JSON carries bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace muster {

// Strictly: whole groups of four, padded; nothing where it is not that.
[[nodiscard]] std::optional<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace muster
