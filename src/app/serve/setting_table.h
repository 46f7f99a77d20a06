// SPDX-License-Identifier: Apache-2.0
// The one list of the server's settings: flags, environment, file, help and documents follow it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <muster/status.h>

#include "app/serve/serve_settings.h"

namespace muster {

// Of a process that has begun anew (device_fault.h): how often, told by its environment.
inline constexpr std::string_view kDeviceRestarts = "device-restarts";

struct SettingRow {
  using Values = std::span<const std::string>;

  std::string_view name;          // "http-port": --http-port, MUSTER_HTTP_PORT, http-port = 8000
  std::string_view triton_names;  // the same by Triton's names, separated by blanks
  std::string_view group;         // in the help; "" = not shown there
  std::string_view value;    // what the value is called: "PORT"; "" = true or false, true if none
  std::string_view initial;  // the default as text; "" = none
  std::string_view help;
  bool list = false;                             // may be given several times
  Status (*set)(ServeSettings&, Values values);  // at least one value
};

// By group.
[[nodiscard]] std::span<const SettingRow> setting_rows();
// Also by Triton's names; null where there is none.
[[nodiscard]] const SettingRow* find_setting(std::string_view name);
// The name, or the one of Triton's, nearest to a slip of the keys; "" where none is near.
[[nodiscard]] std::string_view nearest_setting(std::string_view name);
// "MUSTER_HTTP_PORT".
[[nodiscard]] std::string environment_name(const SettingRow& row);
// Names separated by blanks, one after the other.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view text);

// A flag of Triton's that matters and has no counterpart here.
struct RefusedFlag {
  std::string_view name;     // "trace-*" stands for all that begin so
  std::string_view instead;  // what to use, or why it is not needed
};
[[nodiscard]] std::span<const RefusedFlag> refused_flags();
[[nodiscard]] const RefusedFlag* find_refused_flag(std::string_view name);

}  // namespace muster
