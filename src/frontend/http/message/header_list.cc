// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/header_list.h"

#include <algorithm>

namespace muster {
namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view next_item(std::string_view& rest, char separator) noexcept {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size(); ++end) {
    const char c = rest[end];
    if (quoted && c == '\\') {
      ++end;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == separator && !quoted) {
      break;
    }
  }
  end = std::min(end, rest.size());
  const std::string_view item = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(rest.size(), end + 1));
  return item;
}

int weight_of(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    std::string_view value = next_item(parameters, ';');
    const std::string_view name = next_item(value, '=');
    if (!equals_ignoring_case(name, "q")) continue;
    value = trim(value);
    if (value.empty() || !is_digit(value[0]) || value.size() > 5) return 0;
    int weight = (value[0] - '0') * 1000;
    if (value.size() > 1 && value[1] != '.') return 0;
    int scale = 100;
    for (const char c : value.substr(std::min<std::size_t>(2, value.size()))) {
      if (!is_digit(c)) return 0;
      weight += (c - '0') * scale;
      scale /= 10;
    }
    return weight > 1000 ? 0 : weight;
  }
  return 1000;
}

std::string parameter_of(std::string_view value, std::string_view name) {
  static_cast<void>(next_item(value, ';'));
  while (!value.empty()) {
    std::string_view content = next_item(value, ';');
    if (!equals_ignoring_case(next_item(content, '='), name)) continue;
    content = trim(content);
    if (content.size() < 2 || content.front() != '"' || content.back() != '"') {
      return std::string(content);
    }
    std::string text;
    content = content.substr(1, content.size() - 2);
    for (std::size_t i = 0; i < content.size(); ++i) {
      if (content[i] == '\\' && i + 1 < content.size()) ++i;
      text += content[i];
    }
    return text;
  }
  return {};
}

std::string media_type_of(std::string_view value) {
  std::string type(next_item(value, ';'));
  std::transform(type.begin(), type.end(), type.begin(), lower);
  return type;
}

}  // namespace muster
