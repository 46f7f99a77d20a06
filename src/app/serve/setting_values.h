// SPDX-License-Identifier: Apache-2.0
// The text of one setting's value as what it means. kInvalidArgument says what would be right.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <muster/status.h>

#include "base/log.h"

namespace muster {

[[nodiscard]] Result<bool> parse_switch(std::string_view text);
// `unit_names`: also "64MiB", "1GiB", "16KiB".
[[nodiscard]] Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t lowest,
                                                std::uint64_t highest, bool unit_names = false);
// What a setting of time may be at most: a day.
inline constexpr int kMostSeconds = 24 * 60 * 60;
// Seconds, "2" or "0.5", of at least `lowest`.
[[nodiscard]] Result<std::chrono::milliseconds> parse_seconds(std::string_view text,
                                                              std::chrono::milliseconds lowest);
// An IP address as it is; "localhost" is 127.0.0.1.
[[nodiscard]] Result<std::string> parse_address(std::string_view text);
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);

}  // namespace muster
