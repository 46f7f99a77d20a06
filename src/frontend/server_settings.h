// SPDX-License-Identifier: Apache-2.0
// ServerSettings: what a client may see and change of logging and tracing while the server runs.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/log.h"
#include "base/mutex.h"
#include "protocol/control_json.h"

namespace muster {

// Any thread. Changes are all or nothing: kInvalidArgument names the first setting that is unknown,
// of the wrong type, or cannot be changed here (no call can set a path: log_file and trace_file).
// Null sets one back to what it was at the start.
class ServerSettings {
 public:
  // `level`: what the log was started with.
  explicit ServerSettings(LogLevel level = LogLevel::kWarning) noexcept
      : initial_{level <= LogLevel::kInfo, level <= LogLevel::kWarning, level <= LogLevel::kError,
                 level == LogLevel::kDebug ? 1U : 0U},
        now_(initial_) {}

  [[nodiscard]] Settings log_settings() const;
  [[nodiscard]] Status change_log_settings(const Settings& changes);
  // There are no traces, so the level is OFF and nothing else can be set.
  [[nodiscard]] Settings trace_settings() const;
  [[nodiscard]] Status change_trace_settings(const Settings& changes);

 private:
  struct LogSwitches {
    bool info;
    bool warning;
    bool error;
    std::uint64_t verbose;
  };
  [[nodiscard]] Status change(std::string_view name, const SettingValue& value,
                              LogSwitches& switches) const;

  const LogSwitches initial_;
  mutable Mutex mutex_;
  LogSwitches now_ MUSTER_GUARDED_BY(mutex_);
};

}  // namespace muster
