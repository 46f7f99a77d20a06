// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/environment.h"

#include <cstdlib>
#include <string>
#include <string_view>

#include "backends/onnxruntime/error.h"
#include "base/library_file.h"
#include "base/log.h"
#include "base/text.h"

namespace muster::onnxruntime {
namespace {

// Official builds since 1.29 send usage events, which start with the first environment: a thread, a
// device identity under ~/.cache and an upload queue. DisableTelemetryEvents() comes too late for
// those, so that this variable is the switch that counts. It must be off: a value that somebody
// else has set is replaced.
void refuse_telemetry() {
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);
}

LogLevel level_of(OrtLoggingLevel severity, std::string_view location, std::string_view message) {
  // What fails in a run comes back as the run's Status, and an output whose size is not the
  // declared one is reported once by the session: neither may fill the log, a line a request.
  if (message.starts_with("Non-zero status code returned while running") ||
      location.find("VerifyOutputSizes") != std::string_view::npos) {
    return LogLevel::kDebug;
  }
  switch (severity) {
    case ORT_LOGGING_LEVEL_WARNING:
      return LogLevel::kWarning;
    case ORT_LOGGING_LEVEL_ERROR:
    case ORT_LOGGING_LEVEL_FATAL:
      return LogLevel::kError;
    default:
      return LogLevel::kDebug;
  }
}

void ORT_API_CALL forward_log(void*, OrtLoggingLevel severity, const char*, const char* session,
                              const char* location, const char* message) {
  const LogLevel level = level_of(severity, location, message);
  if (!logs(level)) return;
  log(level,
      std::string("onnxruntime: ") + session + (*session != '\0' ? ": " : "") + one_line(message));
}

// A version 1.N offers the APIs up to N.
Status too_old() {
  const std::string version = printable(OrtGetApiBase()->GetVersionString());
  const std::size_t minor = version.find('.') + 1;
  return failed_precondition(
      "ONNX Runtime " + version + " at " +
      printable(library_of(reinterpret_cast<const void*>(&OrtGetApiBase))) + " offers API " +
      version.substr(minor, version.find('.', minor) - minor) + ", at least " +
      std::to_string(ORT_API_VERSION) + " is needed; install a newer one");
}

#if ORT_API_VERSION >= 23
Status refused_plugin(const std::string& name, const std::string& file, const Status& why) {
  if (why.message().find("already registered") == std::string_view::npos) return why;
  return failed_precondition("the name '" + printable(name) +
                             "' stands for another library in this process already: give " +
                             printable(file) + " a name of its own (" + std::string(why.message()) +
                             ")");
}
#endif

}  // namespace

Result<std::shared_ptr<Environment>> Environment::create(int threads) {
  if (OrtGetApiBase()->GetApi(ORT_API_VERSION) == nullptr) return too_old();
  refuse_telemetry();
  std::shared_ptr<Environment> environment(new Environment());
  MUSTER_RETURN_IF_ERROR(guarded([&] {
    Ort::ThreadingOptions pools;
    environment->pool_threads_.start_threads_of(pools);
    pools.SetGlobalIntraOpNumThreads(threads).SetGlobalInterOpNumThreads(1).SetGlobalSpinControl(0);
    environment->env_.emplace(pools, forward_log, nullptr, ORT_LOGGING_LEVEL_WARNING, "muster");
    environment->env_->DisableTelemetryEvents();
  }));
  return environment;
}

Status Environment::share_arena_as_requested() {
  constexpr int kSameAsRequested = 1;
  constexpr int kDefault = -1;
  const MutexLock lock(mutex_);
  if (arena_shared_) return {};
  MUSTER_RETURN_IF_ERROR(guarded([&] {
    const Ort::ArenaCfg arena(0, kSameAsRequested, kDefault, kDefault);
    const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    env_->CreateAndRegisterAllocator(memory, arena);
  }));
  arena_shared_ = true;
  return {};
}

#if ORT_API_VERSION >= 23
std::vector<Ort::ConstEpDevice> Environment::devices_of(const std::string& file) const {
  std::vector<Ort::ConstEpDevice> devices;
  for (const Ort::ConstEpDevice& device : env_->GetEpDevices()) {
    const char* const library = device.EpMetadata().GetValue("library_path");
    if (library != nullptr && file == library) devices.push_back(device);
  }
  return devices;
}

Status Environment::register_plugin(const std::string& name, const std::string& file) {
  const MutexLock lock(mutex_);
  if (plugins_.contains(name)) return {};
  bool open = false;
  const auto look = [&] { return guarded([&] { open = !devices_of(file).empty(); }); };
  // The runtime's environment is that of the process: another backend may have opened it.
  MUSTER_RETURN_IF_ERROR(look());
  if (!open) {
    const Status registered =
        guarded([&] { env_->RegisterExecutionProviderLibrary(name.c_str(), file); });
    // Or may just have done so.
    if (!registered.ok()) MUSTER_RETURN_IF_ERROR(look());
    if (!registered.ok() && !open) return refused_plugin(name, file, registered);
  }
  plugins_.insert(name);
  return {};
}
#endif

}  // namespace muster::onnxruntime
