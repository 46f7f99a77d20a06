// SPDX-License-Identifier: Apache-2.0
// Appends JSON to a string.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace muster {

// In quotes, escaped. Invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

template <std::integral T>
requires(!std::same_as<T, bool> && !std::same_as<T, char>) void append_json_number(std::string& out,
                                                                                   T value) {
  std::array<char, 24> text;
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), written.ptr);
}
// The shortest text that reads back as the same number; NaN, Infinity and -Infinity are themselves,
// which is no JSON but what the protocol's clients read.
void append_json_number(std::string& out, float value);
void append_json_number(std::string& out, double value);

inline void append_json_bool(std::string& out, bool value) {
  out += value ? std::string_view("true") : std::string_view("false");
}

}  // namespace muster
