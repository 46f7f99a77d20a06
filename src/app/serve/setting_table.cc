// SPDX-License-Identifier: Apache-2.0
#include "app/serve/setting_table.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "app/serve/setting_values.h"
#include "base/text.h"
#include "inference/thread_budget.h"
#include "model_config/backend_names.h"

namespace muster {
namespace {

using Values = SettingRow::Values;

constexpr std::string_view kModels = "Models";
constexpr std::string_view kListeners = "Listeners";
constexpr std::string_view kAccess = "Who may do what";
constexpr std::string_view kLimits = "Limits of one client";
constexpr std::string_view kLife = "Log, start and end";
constexpr std::string_view kHidden = "";

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;
constexpr std::uint64_t kMostThings = 1U << 20;
constexpr std::uint64_t kMostThreads = 256;
constexpr std::chrono::milliseconds kLeastGpuInterval{100};
constexpr std::chrono::milliseconds kMostRefusalPause{10};

// Of a setting that is given once, what was given last counts.
Status set_text(std::string& target, Values values) {
  if (values.back().empty()) return invalid_argument("the value is empty");
  target = values.back();
  return {};
}

Status set_backend(std::string& target, Values values) {
  MUSTER_RETURN_IF_ERROR(set_text(target, values));
  if (is_backend_name(target)) return {};
  return invalid_argument("'" + printable(target) + "' is no backend's name");
}

Status set_texts(std::vector<std::string>& target, Values values) {
  if (std::ranges::any_of(values, &std::string::empty)) {
    return invalid_argument("a value is empty");
  }
  target.assign(values.begin(), values.end());
  return {};
}

// "NAME=/path/to/library.so" each.
Status set_libraries(std::map<std::string, std::string, std::less<>>& target, Values values) {
  target.clear();
  for (const std::string& value : values) {
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos || equals == 0 || value.compare(equals + 1, 1, "/") != 0) {
      return invalid_argument("'" + printable(value) +
                              "' is not NAME=/absolute/path/of/library.so");
    }
    target[value.substr(0, equals)] = value.substr(equals + 1);
  }
  return {};
}

Status set_switch(bool& target, Values values, bool inverted = false) {
  MUSTER_ASSIGN_OR_RETURN(const bool value, parse_switch(values.back()));
  target = value != inverted;
  return {};
}

template <typename Number>
Status set_count(Number& target, Values values, std::uint64_t lowest, std::uint64_t highest,
                 bool unit_names = false) {
  MUSTER_ASSIGN_OR_RETURN(const std::uint64_t value,
                          parse_count(values.back(), lowest, highest, unit_names));
  target = static_cast<Number>(value);
  return {};
}

Status set_bytes(std::size_t& target, Values values, std::uint64_t lowest = 1) {
  return set_count(target, values, lowest, kMostBytes, true);
}

Status set_rows(std::optional<std::int64_t>& target, Values values) {
  return set_count(target.emplace(), values, 1, kMaxRequestRows);
}

Status set_port(std::uint16_t& target, Values values) {
  return set_count(target, values, 0, std::numeric_limits<std::uint16_t>::max());
}

Status set_seconds(std::chrono::milliseconds& target, Values values,
                   std::chrono::milliseconds lowest) {
  MUSTER_ASSIGN_OR_RETURN(target, parse_seconds(values.back(), lowest));
  return {};
}

// Triton's unit; the bounds are those of seconds.
Status set_milliseconds(std::chrono::milliseconds& target, Values values,
                        std::chrono::milliseconds lowest) {
  std::int64_t count = 0;
  MUSTER_RETURN_IF_ERROR(set_count(count, values, static_cast<std::uint64_t>(lowest.count()),
                                   static_cast<std::uint64_t>(kMostSeconds) * 1000));
  target = std::chrono::milliseconds(count);
  return {};
}

Status set_microseconds(std::chrono::microseconds& target, Values values,
                        std::chrono::microseconds highest) {
  std::int64_t count = 0;
  MUSTER_RETURN_IF_ERROR(set_count(count, values, 0, static_cast<std::uint64_t>(highest.count())));
  target = std::chrono::microseconds(count);
  return {};
}

Status set_address(std::string& target, Values values) {
  MUSTER_ASSIGN_OR_RETURN(target, parse_address(values.back()));
  return {};
}

Status set_model_control(ModelControlMode& target, Values values) {
  constexpr std::pair<std::string_view, ModelControlMode> kModes[] = {
      {"none", ModelControlMode::kNone},
      {"poll", ModelControlMode::kPoll},
      {"explicit", ModelControlMode::kExplicit}};
  for (const auto& [name, mode] : kModes) {
    if (values.back() != name) continue;
    target = mode;
    return {};
  }
  return invalid_argument("'" + printable(values.back()) +
                          "' is not right; give none, poll or explicit");
}

Status set_on_device_fault(OnDeviceFault& target, Values values) {
  constexpr std::pair<std::string_view, OnDeviceFault> kWays[] = {
      {"stay", OnDeviceFault::kStay},
      {"exit", OnDeviceFault::kExit},
      {"restart", OnDeviceFault::kRestart}};
  for (const auto& [name, way] : kWays) {
    if (values.back() != name) continue;
    target = way;
    return {};
  }
  return invalid_argument("'" + printable(values.back()) +
                          "' is not right; give stay, exit or restart");
}

Status set_log_level(LogLevel& target, Values values) {
  MUSTER_ASSIGN_OR_RETURN(target, parse_log_level(values.back()));
  return {};
}

// Triton counts levels of chatter; here there is one.
Status set_log_verbose(LogLevel& target, Values values) {
  std::uint64_t level = 0;
  MUSTER_RETURN_IF_ERROR(set_count(level, values, 0, kMostThings));
  if (level > 0) target = LogLevel::kDebug;
  return {};
}

using S = ServeSettings;
using V = Values;
using std::chrono::milliseconds;

constexpr SettingRow kRows[] = {
    {"models", "model-repository model-store", kModels, "DIR", "",
     "Folder of model folders; may be given several times", true,
     [](S& s, V v) { return set_texts(s.models.repositories, v); }},
    {"model-control", "model-control-mode", kModels, "none|poll|explicit", "none",
     "When models come and go: never, when their folders change, or when a client says so", false,
     [](S& s, V v) { return set_model_control(s.models.control, v); }},
    {"poll-seconds", "repository-poll-secs", kModels, "SECONDS", "15",
     "With poll: how often the folders are looked at", false,
     [](S& s, V v) { return set_seconds(s.models.poll_interval, v, milliseconds(100)); }},
    {"load-model", "", kModels, "NAME", "",
     "With explicit: a model to load at the start, or * for all; may be given several times", true,
     [](S& s, V v) { return set_texts(s.models.load_models, v); }},
    {"load-threads", "model-load-thread-count", kModels, "N", "4",
     "Models that are loaded side by side", false,
     [](S& s, V v) { return set_count(s.models.load_threads, v, 1, kMostThreads); }},
    {"threads", "", kModels, "N", "0",
     "Threads that compute at the same time, for all models together; 0 = one a CPU that the "
     "process may use",
     false, [](S& s, V v) { return set_count(s.models.thread_budget, v, 0, kMaxThreadBudget); }},
    {"compiled-model-cache", "", kModels, "DIR", "",
     "Where what OpenVINO and TensorRT compiled is kept for the next start; by default nowhere",
     false, [](S& s, V v) { return set_text(s.models.service.compiled_cache, v); }},
    {"accelerator", "", kModels, "NAME=FILE", "",
     "A plugin library of ONNX Runtime, and the name by which models may use it; may be given "
     "several times",
     true, [](S& s, V v) { return set_libraries(s.models.service.accelerator_libraries, v); }},
    {"picture-threads", "", kModels, "N", "0",
     "Threads that decode pictures; 0 = as many as --threads", false,
     [](S& s, V v) { return set_count(s.models.picture_threads, v, 0, kMostThreads); }},
    {"max-waiting-pictures", "", kModels, "N", "256",
     "Pictures that may wait to be decoded, of all clients", false,
     [](S& s, V v) { return set_count(s.models.max_waiting_pictures, v, 1, kMostThings); }},
    {"max-waiting-picture-bytes", "", kModels, "BYTES", "256MiB", "The same in bytes", false,
     [](S& s, V v) { return set_bytes(s.models.max_waiting_picture_bytes, v); }},
    {"strict-readiness", "", kModels, "", "false",
     "The server is ready only while every model that was asked for is", false,
     [](S& s, V v) { return set_switch(s.models.strict_readiness, v); }},
    {"exit-on-error", "", kModels, "", "false",
     "A model that fails to load at the start ends the program", false,
     [](S& s, V v) { return set_switch(s.exit_on_error, v); }},

    {"host", "", kListeners, "ADDRESS", "127.0.0.1",
     "IP address that all listeners are bound to; 0.0.0.0 = all of this machine", false,
     [](S& s, V v) { return set_address(s.host, v); }},
    {"http-port", "", kListeners, "PORT", "8000", "0 = any free one, which is printed", false,
     [](S& s, V v) { return set_port(s.http_port, v); }},
    {"grpc-port", "", kListeners, "PORT", "8001", "Likewise", false,
     [](S& s, V v) { return set_port(s.grpc_port, v); }},
    {"metrics-port", "", kListeners, "PORT", "8002", "Likewise", false,
     [](S& s, V v) { return set_port(s.metrics_port, v); }},
    {"http-address", "", kListeners, "ADDRESS", "", "Instead of --host, for HTTP alone", false,
     [](S& s, V v) { return set_address(s.http_address, v); }},
    {"grpc-address", "", kListeners, "ADDRESS", "", "Instead of --host, for gRPC alone", false,
     [](S& s, V v) { return set_address(s.grpc_address, v); }},
    {"metrics-address", "", kListeners, "ADDRESS", "", "Instead of --host, for metrics alone",
     false, [](S& s, V v) { return set_address(s.metrics_address, v); }},
    {"unix-socket", "", kListeners, "PATH", "",
     "Also listen on Unix-domain sockets: HTTP on PATH, gRPC on PATH.grpc", false,
     [](S& s, V v) { return set_text(s.unix_socket, v); }},
    {"no-http", "", kListeners, "", "false", "No HTTP", false,
     [](S& s, V v) { return set_switch(s.http, v, true); }},
    {"no-grpc", "", kListeners, "", "false", "No gRPC", false,
     [](S& s, V v) { return set_switch(s.grpc, v, true); }},
    {"no-metrics", "", kListeners, "", "false", "No metrics page", false,
     [](S& s, V v) { return set_switch(s.metrics, v, true); }},
    {"no-gpu-metrics", "", kListeners, "", "false",
     "No GPUs on the metrics page; NVML stays closed", false,
     [](S& s, V v) { return set_switch(s.gpu_metrics, v, true); }},
    {"gpu-sample-seconds", "", kListeners, "SECONDS", "2",
     "How often the GPUs are read for the metrics page", false,
     [](S& s, V v) { return set_seconds(s.gpus.interval, v, kLeastGpuInterval); }},
    {"allow-http", "", kHidden, "", "true", "Triton's opposite of --no-http", false,
     [](S& s, V v) { return set_switch(s.http, v); }},
    {"allow-grpc", "", kHidden, "", "true", "Triton's opposite of --no-grpc", false,
     [](S& s, V v) { return set_switch(s.grpc, v); }},
    {"allow-metrics", "", kHidden, "", "true", "Triton's opposite of --no-metrics", false,
     [](S& s, V v) { return set_switch(s.metrics, v); }},
    {"allow-gpu-metrics", "", kHidden, "", "true", "Triton's opposite of --no-gpu-metrics", false,
     [](S& s, V v) { return set_switch(s.gpu_metrics, v); }},
    {"metrics-interval-ms", "", kHidden, "N", "2000", "Triton's --gpu-sample-seconds", false,
     [](S& s, V v) { return set_milliseconds(s.gpus.interval, v, kLeastGpuInterval); }},
    {"http-threads", "http-thread-count", kListeners, "N", "0",
     "Threads that speak HTTP; 0 = one for each eight CPUs that the process may use, at least one "
     "and at most eight",
     false, [](S& s, V v) { return set_count(s.http_threads, v, 0, kMostThreads); }},
    {"grpc-threads", "grpc-infer-thread-count", kListeners, "N", "0",
     "Threads that speak gRPC; 0 = as with HTTP", false,
     [](S& s, V v) { return set_count(s.grpc_threads, v, 0, kMostThreads); }},
    {"refusal-pause-microseconds", "", kListeners, "N", "750",
     "While a full queue refuses requests: after how long these threads read again; 0 = at once",
     false,
     [](S& s, V v) { return set_microseconds(s.limits.refusal_pause, v, kMostRefusalPause); }},

    {"token-file", "", kAccess, "FILE", "",
     "Bearer tokens and their rights, \"infer,metrics,admin TOKEN\" a line; then every call but "
     "health needs one",
     false, [](S& s, V v) { return set_text(s.token_file, v); }},
    {"tls-cert", "", kAccess, "FILE", "",
     "Certificate with its chain, PEM; all TCP ports speak TLS", false,
     [](S& s, V v) { return set_text(s.tls.certificate, v); }},
    {"tls-key", "", kAccess, "FILE", "", "Its key, PEM", false,
     [](S& s, V v) { return set_text(s.tls.key, v); }},
    {"tls-client-ca", "", kAccess, "FILE", "",
     "Clients must show a certificate that one of these, PEM, has signed", false,
     [](S& s, V v) { return set_text(s.tls.client_ca, v); }},
    {"shared-memory", "allow-client-shm", kAccess, "", "false",
     "Clients may register shared memory for their tensors, the system's and CUDA's", false,
     [](S& s, V v) { return set_switch(s.shared_memory, v); }},
    {"max-regions", "", kAccess, "N", "1024", "Regions of shared memory, of all clients", false,
     [](S& s, V v) { return set_count(s.shared_memory_limits.max_regions, v, 1, kMostThings); }},
    {"max-region-bytes", "", kAccess, "BYTES", "256GiB", "All of them together", false,
     [](S& s, V v) { return set_bytes(s.shared_memory_limits.max_bytes, v); }},
    {"max-region-name-bytes", "", kAccess, "BYTES", "1KiB", "Name of such a region", false,
     [](S& s, V v) { return set_bytes(s.shared_memory_limits.max_name_bytes, v); }},
    {"max-region-openings", "", kAccess, "N", "64", "Regions of CUDA memory that wait to be opened",
     false,
     [](S& s, V v) { return set_count(s.shared_memory_limits.max_openings, v, 1, kMostThings); }},
    {"cuda-memory-backend", "", kAccess, "NAME", "tensorrt",
     "The backend that opens clients' CUDA memory", false,
     [](S& s, V v) { return set_backend(s.cuda_memory_backend, v); }},

    {"max-body-bytes", "http-max-input-size", kLimits, "BYTES", "64MiB",
     "Body of a request, as it comes", false,
     [](S& s, V v) { return set_bytes(s.limits.max_body_bytes, v); }},
    {"max-decompressed-bytes", "", kLimits, "BYTES", "256MiB", "The same after gzip or deflate",
     false, [](S& s, V v) { return set_bytes(s.limits.max_decompressed_bytes, v); }},
    {"max-control-bytes", "", kLimits, "BYTES", "2MiB",
     "Body or message that is no inference and no picture, after gzip or deflate", false,
     [](S& s, V v) { return set_bytes(s.limits.max_control_bytes, v, 4096); }},
    {"max-header-bytes", "", kLimits, "BYTES", "16KiB", "Header of a request", false,
     [](S& s, V v) { return set_bytes(s.limits.max_header_bytes, v, 256); }},
    {"max-connections", "", kLimits, "N", "4096", "Connections of each listener", false,
     [](S& s, V v) { return set_count(s.limits.max_connections, v, 1, kMostThings); }},
    {"max-pipelined-requests", "", kLimits, "N", "32",
     "Unanswered requests of a connection or stream", false,
     [](S& s, V v) { return set_count(s.limits.max_pipelined_requests, v, 1, kMostThings); }},
    {"max-streams", "", kLimits, "N", "1024", "gRPC: calls that are open on one connection", false,
     [](S& s, V v) { return set_count(s.limits.max_streams, v, 1, kMostThings); }},
    {"max-resets", "", kLimits, "N", "2000",
     "gRPC: calls that a connection's client breaks off in a second; 0 = any number", false,
     [](S& s, V v) { return set_count(s.limits.max_resets, v, 0, kMostThings); }},
    {"max-control-frames", "", kLimits, "N", "10000",
     "gRPC: frames of a connection in a second beyond those that its calls need; 0 = any number",
     false, [](S& s, V v) { return set_count(s.limits.max_control_frames, v, 0, kMostThings); }},
    {"max-grpc-bytes", "", kLimits, "BYTES", "1GiB", "gRPC: messages of all connections together",
     false, [](S& s, V v) { return set_bytes(s.limits.max_grpc_bytes, v, 1U << 20); }},
    {"max-pictures", "", kLimits, "N", "256", "Pictures of a classify call", false,
     [](S& s, V v) { return set_count(s.limits.max_pictures, v, 1, kMostThings); }},
    {"idle-timeout-seconds", "", kLimits, "SECONDS", "300", "HTTP: silence between two requests",
     false, [](S& s, V v) { return set_seconds(s.limits.idle_timeout, v, milliseconds(10)); }},
    {"grpc-idle-timeout-seconds", "", kLimits, "SECONDS", "1800",
     "gRPC: a connection without a call; 0 = for as long as its client likes", false,
     [](S& s, V v) { return set_seconds(s.limits.grpc_idle_timeout, v, milliseconds(0)); }},
    {"receive-timeout-seconds", "", kLimits, "SECONDS", "30",
     "From a request's first byte to its last; gRPC: until a call's message has come, but for "
     "streams",
     false, [](S& s, V v) { return set_seconds(s.limits.receive_timeout, v, milliseconds(10)); }},
    {"send-timeout-seconds", "", kLimits, "SECONDS", "30",
     "From a reply's first byte until it is read, and more for large ones", false,
     [](S& s, V v) { return set_seconds(s.limits.send_timeout, v, milliseconds(10)); }},
    {"min-send-rate", "", kLimits, "BYTES", "64KiB",
     "Of a large reply: for each so many bytes a client may take a second longer", false,
     [](S& s, V v) { return set_bytes(s.limits.min_send_rate, v, 1024); }},
    {"max-json-depth", "", kLimits, "N", "64", "Nesting of a JSON body", false,
     [](S& s, V v) { return set_count(s.limits.protocol.max_json_depth, v, 4, 1024); }},
    {"max-request-rows", "", kLimits, "N", "4096",
     "Rows of a request; what is more than a batch is run in parts", false,
     [](S& s, V v) { return set_rows(s.models.service.max_request_rows, v); }},
    {"max-tensors", "", kLimits, "N", "1024", "Inputs of a request, and outputs", false,
     [](S& s, V v) { return set_count(s.limits.protocol.max_tensors, v, 1, kMostThings); }},
    {"max-parameters", "", kLimits, "N", "256", "Parameters of a request or tensor", false,
     [](S& s, V v) { return set_count(s.limits.protocol.max_parameters, v, 1, kMostThings); }},
    {"max-rank", "", kLimits, "N", "32", "Dimensions of a tensor", false,
     [](S& s, V v) { return set_count(s.limits.protocol.max_rank, v, 1, 32); }},
    {"max-name-bytes", "", kLimits, "BYTES", "1KiB", "Name of a tensor or parameter", false,
     [](S& s, V v) { return set_bytes(s.limits.protocol.max_name_bytes, v); }},
    {"max-id-bytes", "", kLimits, "BYTES", "4KiB", "Id of a request", false,
     [](S& s, V v) { return set_bytes(s.limits.protocol.max_id_bytes, v); }},
    {"max-classes", "", kLimits, "N", "65536", "Classes that an output is asked for", false,
     [](S& s, V v) { return set_count(s.limits.protocol.max_classes, v, 1, 1U << 24); }},
    {"max-input-bytes", "", kLimits, "BYTES", "1GiB",
     "Inputs of a request where some are in shared memory", false,
     [](S& s, V v) { return set_bytes(s.limits.protocol.max_input_bytes, v); }},

    {"log-level", "", kLife, "LEVEL", "warning", "debug, info, warning, error or off, on stderr",
     false, [](S& s, V v) { return set_log_level(s.log_level, v); }},
    {"log-verbose", "", kHidden, "N", "0", "Triton's --log-level debug", false,
     [](S& s, V v) { return set_log_verbose(s.log_level, v); }},
    {"access-log", "", kLife, "FILE", "", "One JSON line a request into FILE; - is stdout", false,
     [](S& s, V v) { return set_text(s.access_log, v); }},
    {"exit-timeout-seconds", "exit-timeout-secs", kLife, "SECONDS", "30",
     "How long accepted requests may still take after SIGTERM", false,
     [](S& s, V v) { return set_seconds(s.exit_timeout, v, milliseconds(0)); }},
    {"on-device-fault", "", kLife, "stay|exit|restart", "stay",
     "When a GPU is lost to this process: serve the other models, stop, or stop and begin anew",
     false, [](S& s, V v) { return set_on_device_fault(s.on_device_fault, v); }},
    {"max-device-restarts", "", kLife, "N", "5",
     "With restart: how often a process begins anew before it stops instead", false,
     [](S& s, V v) { return set_count(s.max_device_restarts, v, 0, kMostThings); }},
    {kDeviceRestarts, "", kHidden, "N", "0", "What a process that begins anew tells itself", false,
     [](S& s, V v) { return set_count(s.device_restarts, v, 0, kMostThings); }},
};

bool has_name(const SettingRow& row, std::string_view name) {
  return row.name == name || std::ranges::count(words_of(row.triton_names), name) > 0;
}

}  // namespace

std::span<const SettingRow> setting_rows() {
  return kRows;
}

const SettingRow* find_setting(std::string_view name) {
  const auto* found =
      std::ranges::find_if(kRows, [&](const SettingRow& row) { return has_name(row, name); });
  return found == std::end(kRows) ? nullptr : found;
}

std::string_view nearest_setting(std::string_view name) {
  std::vector<std::string_view> names = {"config"};
  for (const SettingRow& row : kRows) {
    names.push_back(row.name);
    std::ranges::copy(words_of(row.triton_names), std::back_inserter(names));
  }
  return nearest(name, names);
}

std::string environment_name(const SettingRow& row) {
  std::string name = "MUSTER_";
  for (const char letter : row.name) {
    const bool small = letter >= 'a' && letter <= 'z';
    name += letter == '-' ? '_' : small ? static_cast<char>(letter - 'a' + 'A') : letter;
  }
  return name;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (!word.empty()) words.push_back(word);
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return words;
}

}  // namespace muster
