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

Status read_flag(std::string_view name, const SettingValue& value, bool& flag) {
  const bool* given = std::get_if<bool>(&value);
  if (given == nullptr) return refuse(name, "must be true or false");
  flag = *given;
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
  return {{"log_file", std::string()},     {"log_info", info_},
          {"log_warning", warning_},       {"log_error", error_},
          {"log_verbose_level", verbose_}, {"log_format", std::string("default")}};
}

Status ServerSettings::change_log_settings(const Settings& changes) {
  const MutexLock lock(mutex_);
  bool info = info_;
  bool warning = warning_;
  bool error = error_;
  std::uint64_t verbose = verbose_;
  for (const auto& [name, value] : changes) {
    if (name == "log_info") {
      MUSTER_RETURN_IF_ERROR(read_flag(name, value, info));
    } else if (name == "log_warning") {
      MUSTER_RETURN_IF_ERROR(read_flag(name, value, warning));
    } else if (name == "log_error") {
      MUSTER_RETURN_IF_ERROR(read_flag(name, value, error));
    } else if (name == "log_verbose_level") {
      const auto* level = std::get_if<std::uint64_t>(&value);
      if (level == nullptr) return refuse(name, "must be a number, 0 or more");
      verbose = *level;
    } else if (name == "log_format") {
      const auto* format = std::get_if<std::string>(&value);
      if (format == nullptr || *format != "default") return refuse(name, "can only be \"default\"");
    } else if (name == "log_file") {
      return refuse(name, "cannot be set by a call: logs go to the server's standard error");
    } else {
      return refuse(name, "is unknown");
    }
  }
  info_ = info;
  warning_ = warning;
  error_ = error;
  verbose_ = verbose;
  set_log_level(level_of(info, warning, error, verbose));
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
    const bool same = std::holds_alternative<std::monostate>(value) || value == setting->second ||
                      (name == "trace_level" && is_off(value));
    if (!same) {
      return refuse(name,
                    "cannot be changed: this server writes no traces; its metrics page and "
                    "Server-Timing tell where time goes");
    }
  }
  return {};
}

}  // namespace muster
