// SPDX-License-Identifier: Apache-2.0
// Messages as they travel: with the five bytes before them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace muster::testing {

[[nodiscard]] inline std::string prefix_of(std::size_t length, bool compressed = false) {
  std::string prefix(1, compressed ? '\1' : '\0');
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    prefix += static_cast<char>(length >> shift & 255U);
  return prefix;
}

[[nodiscard]] inline std::string framed(std::string_view message, bool compressed = false) {
  return prefix_of(message.size(), compressed) + std::string(message);
}

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace muster::testing
