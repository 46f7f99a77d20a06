// SPDX-License-Identifier: Apache-2.0
#include "app/serve/setting_values.h"

#include <array>
#include <cmath>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/text.h"

namespace muster {
namespace {

Status wrong_value(std::string_view text, const std::string& wanted) {
  return invalid_argument("'" + printable(text) + "' is not right; give " + wanted);
}

}  // namespace

Result<bool> parse_switch(std::string_view text) {
  for (const std::string_view word : {"true", "1", "yes", "on"})
    if (text == word) return true;
  for (const std::string_view word : {"false", "0", "no", "off"})
    if (text == word) return false;
  return wrong_value(text, "true or false");
}

Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t lowest,
                                  std::uint64_t highest, bool unit_names) {
  std::string_view digits = text;
  std::uint64_t unit = 1;
  constexpr std::array<std::pair<std::string_view, unsigned>, 3> kUnits = {
      {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
  for (const auto& [name, bits] : kUnits) {
    if (!unit_names || !digits.ends_with(name)) continue;
    digits.remove_suffix(name.size());
    unit = std::uint64_t{1} << bits;
    break;
  }
  const auto number = parse_int(digits);
  if (number && *number >= 0 && static_cast<std::uint64_t>(*number) <= highest / unit &&
      static_cast<std::uint64_t>(*number) * unit >= lowest) {
    return static_cast<std::uint64_t>(*number) * unit;
  }
  return wrong_value(text, "a whole number from " + std::to_string(lowest) + " to " +
                               std::to_string(highest) +
                               (unit_names ? ", or with KiB, MiB or GiB behind it" : ""));
}

Result<std::chrono::milliseconds> parse_seconds(std::string_view text,
                                                std::chrono::milliseconds lowest) {
  const auto number = parse_double(text);
  if (number && *number >= 0 && *number <= kMostSeconds) {
    const std::chrono::milliseconds length(std::llround(*number * 1000));
    if (length >= lowest) return length;
  }
  return wrong_value(text, "seconds from " +
                               std::to_string(static_cast<double>(lowest.count()) / 1000) + " to " +
                               std::to_string(kMostSeconds));
}

Result<std::string> parse_address(std::string_view text) {
  if (text == "localhost") return std::string("127.0.0.1");
  const std::string address(text);
  in6_addr parsed = {};
  if (::inet_pton(AF_INET, address.c_str(), &parsed) == 1 ||
      ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1) {
    return address;
  }
  return wrong_value(text, "an IP address of this machine: 127.0.0.1, ::1, or 0.0.0.0 for all");
}

Result<LogLevel> parse_log_level(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, LogLevel>, 5> kLevels = {
      {{"debug", LogLevel::kDebug},
       {"info", LogLevel::kInfo},
       {"warning", LogLevel::kWarning},
       {"error", LogLevel::kError},
       {"off", LogLevel::kOff}}};
  for (const auto& [name, level] : kLevels)
    if (text == name) return level;
  return wrong_value(text, "debug, info, warning, error or off");
}

}  // namespace muster
