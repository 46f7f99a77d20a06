// SPDX-License-Identifier: Apache-2.0
// Log lines to stderr, one call each. Quiet by default: a library logs warnings and errors alone.
#pragma once

#include <cstdint>
#include <string_view>

namespace muster {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };

// Any thread. Control characters in `message` are escaped, so that no text from outside can forge
// a second line.
void log(LogLevel level, std::string_view message);
// Lines below `level` are dropped from now on. The default is kWarning.
void set_log_level(LogLevel level);
[[nodiscard]] bool logs(LogLevel level);

}  // namespace muster
