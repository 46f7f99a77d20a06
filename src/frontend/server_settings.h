// SPDX-License-Identifier: Apache-2.0
// ServerSettings: what a client may see and change of logging and tracing while the server runs.
#pragma once

#include <cstdint>

#include "base/log.h"
#include "base/mutex.h"
#include "protocol/control_json.h"

namespace muster {

// Any thread. Changes are all or nothing: kInvalidArgument names the first setting that is unknown,
// of the wrong type, or cannot be changed here (no call can set a path: log_file and trace_file).
class ServerSettings {
 public:
  // `level`: what the log was started with.
  explicit ServerSettings(LogLevel level = LogLevel::kWarning) noexcept
      : info_(level <= LogLevel::kInfo),
        warning_(level <= LogLevel::kWarning),
        error_(level <= LogLevel::kError),
        verbose_(level == LogLevel::kDebug ? 1 : 0) {}

  [[nodiscard]] Settings log_settings() const;
  [[nodiscard]] Status change_log_settings(const Settings& changes);
  // There are no traces, so the level is OFF and nothing else can be set; null resets.
  [[nodiscard]] Settings trace_settings() const;
  [[nodiscard]] Status change_trace_settings(const Settings& changes);

 private:
  mutable Mutex mutex_;
  bool info_ MUSTER_GUARDED_BY(mutex_);
  bool warning_ MUSTER_GUARDED_BY(mutex_);
  bool error_ MUSTER_GUARDED_BY(mutex_);
  std::uint64_t verbose_ MUSTER_GUARDED_BY(mutex_);
};

}  // namespace muster
