// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <cstddef>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::size_t kMaxLineBytes = 4096;

// Not spdlog's global registry: the application that embeds us may use that for itself. Leaked on
// purpose, so that threads which outlive main can still log.
spdlog::logger& logger() {
  static auto* const instance = [] {
    auto* created = new spdlog::logger("muster", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
    created->set_level(spdlog::level::warn);
    created->flush_on(spdlog::level::warn);
    return created;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

}  // namespace

void log(LogLevel level, std::string_view message) {
  if (!logs(level)) return;
  try {
    logger().log(to_spdlog(level), "{}", printable(message, kMaxLineBytes));
  } catch (...) {
    // A line that cannot be written must not take the caller down with it.
  }
}

void set_log_level(LogLevel level) {
  logger().set_level(to_spdlog(level));
}

bool logs(LogLevel level) {
  return logger().should_log(to_spdlog(level));
}

}  // namespace muster
