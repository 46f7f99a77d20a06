// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "protocol/json/plain_text.h"
#include "protocol/json/utf8.h"

namespace muster {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

constexpr char kDel = 0x7F;  // which JSON allows, but terminals obey

// U+0080 to U+009F, which some terminals obey: their code is that of their second byte.
bool is_control(std::string_view character) noexcept {
  return character[0] == '\xC2' && static_cast<unsigned char>(character[1]) < 0xA0;
}

void append_escaped(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 0xF];
  }
}

template <typename T>
void append_float(std::string& out, T value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    return;
  }
  // Many readers take "-0" for an integer, which has no sign.
  if (value == 0 && std::signbit(value)) {
    out += "-0.0";
    return;
  }
  std::array<char, 32> text;
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), written.ptr);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char* const end = behind_plain<kDel>(text.data(), text.data() + text.size());
    out.append(text.data(), end);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) break;
    const std::size_t length = utf8_character(text);
    if (length == 2 && is_control(text)) {
      append_escaped(out, static_cast<unsigned char>(text[1]));
    } else if (length > 1) {
      out.append(text.substr(0, length));
    } else if (length == 1) {
      append_escaped(out, static_cast<unsigned char>(text[0]));
    } else {
      out += kReplacement;
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

void append_json_number(std::string& out, float value) {
  append_float(out, value);
}

void append_json_number(std::string& out, double value) {
  append_float(out, value);
}

}  // namespace muster
