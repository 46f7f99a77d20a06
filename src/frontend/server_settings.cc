// SPDX-License-Identifier: Apache-2.0
#include "frontend/server_settings.h"

#include <string>
#include <string_view>
#include <variant>

#include "base/log.h"
#include "base/text.h"

namespace muster {
namespace {

Status refuse(std::string_view name, std::string_view why) {
  return invalid_argument("setting '" + printable(name) + "' " + std::string(why));
}

bool is_null(const SettingValue& value) {
  return std::holds_alternative<std::monostate>(value);
}

Status read_flag(std::string_view name, const SettingValue& value, bool initial, bool& flag) {
  const bool* given = std::get_if<bool>(&value);
  if (given == nullptr && !is_null(value)) return refuse(name, "must be true or false");
  flag = given != nullptr ? *given : initial;
  return {};
}

LogLevel level_of(bool info, bool warning, bool error, std::uint64_t verbose) {
  if (verbose > 0) return LogLevel::kDebug;
  if (info) return LogLevel::kInfo;
  if (warning) return LogLevel::kWarning;
  return error ? LogLevel::kError : LogLevel::kOff;
}

const SettingValue kTraceOff = std::vector<std::string>{"OFF"};

bool is_off(const SettingValue& value) {
  const auto* one = std::get_if<std::string>(&value);
  return value == kTraceOff || (one != nullptr && *one == "OFF");
}

}  // namespace

Settings ServerSettings::log_settings() const {
  const MutexLock lock(mutex_);
  return {{"log_file", std::string()},         {"log_info", now_.info},
          {"log_warning", now_.warning},       {"log_error", now_.error},
          {"log_verbose_level", now_.verbose}, {"log_format", std::string("default")}};
}

Status ServerSettings::change(std::string_view name, const SettingValue& value,
                              LogSwitches& switches) const {
  if (name == "log_info") return read_flag(name, value, initial_.info, switches.info);
  if (name == "log_warning") return read_flag(name, value, initial_.warning, switches.warning);
  if (name == "log_error") return read_flag(name, value, initial_.error, switches.error);
  if (name == "log_verbose_level") {
    const auto* level = std::get_if<std::uint64_t>(&value);
    if (level == nullptr && !is_null(value)) return refuse(name, "must be a number, 0 or more");
    switches.verbose = level != nullptr ? *level : initial_.verbose;
    return {};
  }
  if (name == "log_format") {
    const auto* format = std::get_if<std::string>(&value);
    const bool same = is_null(value) || (format != nullptr && *format == "default");
    return same ? Status() : refuse(name, "can only be \"default\"");
  }
  if (name == "log_file") {
    if (is_null(value)) return {};
    return refuse(name, "cannot be set by a call: logs go to the server's standard error");
  }
  return refuse(name, "is unknown");
}

Status ServerSettings::change_log_settings(const Settings& changes) {
  const MutexLock lock(mutex_);
  LogSwitches switches = now_;
  for (const auto& [name, value] : changes)
    MUSTER_RETURN_IF_ERROR(change(name, value, switches));
  now_ = switches;
  set_log_level(level_of(now_.info, now_.warning, now_.error, now_.verbose));
  return {};
}

Settings ServerSettings::trace_settings() const {
  return {{"trace_level", kTraceOff},         {"trace_rate", std::string("1000")},
          {"trace_count", std::string("-1")}, {"log_frequency", std::string("0")},
          {"trace_file", std::string()},      {"trace_mode", std::string("triton")}};
}

Status ServerSettings::change_trace_settings(const Settings& changes) {
  const Settings known = trace_settings();
  for (const auto& [name, value] : changes) {
    const auto setting = known.find(name);
    if (setting == known.end()) return refuse(name, "is unknown");
    const bool same =
        is_null(value) || value == setting->second || (name == "trace_level" && is_off(value));
    if (!same) {
      return refuse(name,
                    "cannot be changed: this server writes no traces; its metrics page and "
                    "Server-Timing tell where time goes");
    }
  }
  return {};
}

}  // namespace muster
