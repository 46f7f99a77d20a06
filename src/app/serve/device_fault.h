// SPDX-License-Identifier: Apache-2.0
// DeviceFault: what the server does when a device is lost to its process for good, as
// --on-device-fault says. Nothing but a new process gets such a device back.
#pragma once

#include <atomic>
#include <string>

#include <muster/status.h>

#include "app/serve/serve_settings.h"
#include "app/serve/stop_signals.h"

namespace muster {

class DeviceFault {
 public:
  // `signals` outlives it.
  DeviceFault(const ServeSettings& settings, StopSignals& signals) noexcept
      : way_(settings.on_device_fault),
        restarts_(settings.device_restarts),
        most_restarts_(settings.max_device_restarts),
        signals_(signals) {}
  DeviceFault(const DeviceFault&) = delete;
  DeviceFault& operator=(const DeviceFault&) = delete;

  // A model was taken out of service. Any thread; hands over.
  void report(const std::string& model);
  // The server is being stopped because of that.
  [[nodiscard]] bool is_leaving() const noexcept { return leaving_; }
  // Once, when the server has stopped as far as it could: begins anew where that is wanted, and
  // then does not return. Otherwise the exit status.
  [[nodiscard]] int leave() const;

 private:
  const OnDeviceFault way_;
  const int restarts_;
  const int most_restarts_;
  StopSignals& signals_;
  std::atomic<bool> leaving_{false};
};

// The program of this process, begun anew in its place with its arguments, its environment and
// `name`=`value` in it. Returns where that is not possible. Everything but stdin, stdout and stderr
// is closed.
[[nodiscard]] Status begin_anew(const std::string& name, const std::string& value);

}  // namespace muster
