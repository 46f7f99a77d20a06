// SPDX-License-Identifier: Apache-2.0
// Whole numbers as text, without a locale and without memory of its own.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <string>

namespace muster {

// Appends `value` in decimal, "-17".
template <std::integral T>
requires(!std::same_as<T, bool> && !std::same_as<T, char>) void append_decimal(std::string& out,
                                                                               T value) {
  std::array<char, 24> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), written.ptr);
}

}  // namespace muster
