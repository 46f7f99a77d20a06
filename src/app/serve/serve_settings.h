// SPDX-License-Identifier: Apache-2.0
// ServeSettings: all that `muster serve` can be told, as plain values. Flags stand above the
// environment, the environment above the file, the file above the defaults here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <muster/status.h>

#include "base/log.h"
#include "frontend/front_services.h"
#include "frontend/frontend_limits.h"
#include "nvml/gpu_sampler.h"
#include "serving/local_service.h"
#include "shared_memory/shared_memory_regions.h"

namespace muster {

// What the server does when a model's device is lost to this process for good.
enum class OnDeviceFault : std::uint8_t {
  kStay,     // the model is not ready, the others are served
  kExit,     // it stops as after SIGTERM, with an exit status that says so
  kRestart,  // it stops so and begins anew as the same process
};

struct ServeSettings {
  // Models.
  LocalServiceOptions models;
  bool exit_on_error = false;  // a model that fails to load at the start ends the program

  // Listeners. An empty address is `host`.
  std::string host = "127.0.0.1";
  std::string http_address;
  std::string grpc_address;
  std::string metrics_address;
  std::uint16_t http_port = 8000;
  std::uint16_t grpc_port = 8001;
  std::uint16_t metrics_port = 8002;
  std::string unix_socket;  // HTTP; gRPC beside it with ".grpc" behind; "" = none
  bool http = true;
  bool grpc = true;
  bool metrics = true;
  bool gpu_metrics = true;  // where there are metrics
  GpuSampler::Options gpus;
  std::size_t http_threads = 0;  // 0 = as the thread budget says (inference/thread_budget.h)
  std::size_t grpc_threads = 0;

  // Who may do what.
  std::string token_file;
  TlsFiles tls;
  bool shared_memory = false;
  SharedMemoryLimits shared_memory_limits;
  std::string cuda_memory_backend = "tensorrt";  // that opens CUDA shared memory

  FrontendLimits limits;

  // Log, start and end.
  LogLevel log_level = LogLevel::kWarning;
  std::string access_log;  // "" = none, "-" = stdout
  std::chrono::milliseconds exit_timeout{std::chrono::seconds(30)};
  OnDeviceFault on_device_fault = OnDeviceFault::kStay;
  int max_device_restarts = 5;  // of one process; then it is kExit
  int device_restarts = 0;      // that there were already
};

// Where the settings come from, each by the names of setting_table.h. `where` begins its messages.
struct GivenSetting {
  std::string name;
  std::vector<std::string> values;  // none = a switch that was given
  std::string where;                // "--http-port", "MUSTER_HTTP_PORT", "muster.toml:3"
};

// Lists are separated by ':'. What is empty counts as not given. Unknown names that look like a
// slip of the keys are told in `warnings`; others are somebody else's.
[[nodiscard]] std::vector<GivenSetting> settings_of_environment(const char* const* environment,
                                                                std::vector<std::string>& warnings);
[[nodiscard]] Result<std::vector<GivenSetting>> settings_of_file(const std::string& path);

// The defaults with all that was given laid over them, later ones over earlier ones, and checked as
// a whole. kInvalidArgument names what is wrong by where it was given, and the fix.
[[nodiscard]] Result<ServeSettings> make_settings(const std::vector<GivenSetting>& given);
// What the operator should hear before the server takes connections.
[[nodiscard]] std::vector<std::string> risks(const ServeSettings& settings);

}  // namespace muster
