// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "app/serve/setting_table.h"

namespace muster {
namespace {

constexpr std::string_view kNoGpuPools =
    "there are no pools of GPU or pinned memory to size; leave it out";
constexpr std::string_view kTls =
    "use --tls-cert, --tls-key and --tls-client-ca, which hold for HTTP and gRPC";
constexpr std::string_view kLogLevel = "use --log-level";
constexpr std::string_view kNoTraces =
    "there are no traces; each reply tells its times, --access-log writes a line a request, and "
    "the "
    "metrics page has histograms";
constexpr std::string_view kNoCache =
    "responses are not cached; put a cache in front of the server";
constexpr std::string_view kMetrics =
    "histograms, process and CPU metrics are always on and made when they are read; --no-metrics "
    "turns the page off";
constexpr std::string_view kPlatform =
    "only the Open Inference Protocol is spoken; use its paths, /v2/models/NAME/infer";
constexpr std::string_view kRestrict =
    "use --token-file: a token has the rights infer, metrics or admin, over HTTP and gRPC alike";
constexpr std::string_view kGrpcTuning =
    "gRPC is tuned by the server: it pings silent clients after a minute; leave it out, and use "
    "--max-streams, --max-grpc-bytes, --max-body-bytes, --max-control-frames and --max-connections";
constexpr std::string_view kOnePort = "one process has a port; leave it out";
constexpr std::string_view kCompletes =
    "configurations are always completed from the model; 'muster inspect' prints the outcome";

constexpr RefusedFlag kRefused[] = {
    {"backend-directory", "backends lie in the installation's own folder; leave it out"},
    {"backend-config",
     "options of a runtime are parameters of each model's config.pbtxt; docs/backends.md has them"},
    {"disable-auto-complete-config", kCompletes},
    {"strict-model-config", kCompletes},
    {"cuda-memory-pool-byte-size", kNoGpuPools},
    {"cuda-virtual-address-size", kNoGpuPools},
    {"pinned-memory-pool-byte-size", kNoGpuPools},
    {"min-supported-compute-capability", kNoGpuPools},
    {"enable-peer-access", kNoGpuPools},
    {"model-load-gpu-limit", kNoGpuPools},
    {"buffer-manager-thread-count", "rows are copied by the workers of their model; leave it out"},
    {"rate-limit", "a model's instance_group and queue policy bound what runs and waits"},
    {"rate-limit-resource", "a model's instance_group and queue policy bound what runs and waits"},
    {"cache-config", kNoCache},
    {"cache-directory", kNoCache},
    {"response-cache-byte-size", kNoCache},
    {"trace-*", kNoTraces},
    {"log-file", "the log goes to stderr; redirect it: 2>FILE"},
    {"log-format", "the log has one format; --access-log writes JSON lines"},
    {"log-info", kLogLevel},
    {"log-warning", kLogLevel},
    {"log-error", kLogLevel},
    {"metrics-config", kMetrics},
    {"allow-cpu-metrics", kMetrics},
    {"allow-vertex-ai", kPlatform},
    {"vertex-ai-*", kPlatform},
    {"allow-sagemaker", kPlatform},
    {"sagemaker-*", kPlatform},
    {"grpc-use-ssl", kTls},
    {"grpc-use-ssl-mutual", kTls},
    {"grpc-server-cert", kTls},
    {"grpc-server-key", kTls},
    {"grpc-root-cert", kTls},
    {"grpc-restricted-protocol", kRestrict},
    {"http-restricted-api", kRestrict},
    {"grpc-keepalive-*", kGrpcTuning},
    {"grpc-http2-*", kGrpcTuning},
    {"grpc-max-*", kGrpcTuning},
    {"grpc-infer-allocation-pool-size", kGrpcTuning},
    {"grpc-max-response-pool-size", kGrpcTuning},
    {"grpc-infer-response-compression-level",
     "replies are compressed where the client's call asks for it; leave it out"},
    {"http-header-forward-pattern", "models see no headers; use parameters of the request"},
    {"grpc-header-forward-pattern", "models see no headers; use parameters of the request"},
    {"reuse-http-port", kOnePort},
    {"reuse-grpc-port", kOnePort},
    {"model-load-retry-count",
     "a load that failed is tried again when a client asks, or the folder changes"},
    {"model-namespacing", "names are unique over all folders of --models"},
    {"host-policy", "use taskset or a cgroup; the server keeps to the CPUs it is given"},
    {"repoagent-directory",
     "there are no repository agents; check models before they are put into the folder"},
    {"id", "the server's name is muster"},
};

}  // namespace

std::span<const RefusedFlag> refused_flags() {
  return kRefused;
}

const RefusedFlag* find_refused_flag(std::string_view name) {
  const auto* found = std::ranges::find_if(kRefused, [&](const RefusedFlag& flag) {
    if (!flag.name.ends_with('*')) return flag.name == name;
    return name.starts_with(flag.name.substr(0, flag.name.size() - 1));
  });
  return found == std::end(kRefused) ? nullptr : found;
}

}  // namespace muster
