// SPDX-License-Identifier: Apache-2.0
#include "app/serve/server_app.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "app/serve/metrics_page.h"
#include "app/serve/region_opener.h"
#include "base/cpu_budget.h"
#include "frontend/access_log.h"
#include "frontend/access_policy.h"
#include "frontend/grpc/grpc_frontend.h"
#include "frontend/http/http_frontend.h"
#include "frontend/server_settings.h"
#include "inference/thread_budget.h"
#include "nvml/gpu_sampler.h"
#include "serving/local_service.h"
#include "shared_memory/shared_memory_regions.h"

namespace muster {
namespace {

ServerIdentity identity_of(const ServeSettings& settings, const std::string& version) {
  ServerIdentity identity;
  identity.version = version;
  identity.extensions = {
      "classification",     "model_repository", "schedule_policy", "model_configuration",
      "binary_tensor_data", "parameters",       "statistics",      "logging"};
  if (settings.shared_memory) identity.extensions.emplace_back("system_shared_memory");
  if (settings.shared_memory && may_open_regions(settings.cuda_memory_backend))
    identity.extensions.emplace_back("cuda_shared_memory");
  return identity;
}

const std::string& address_of(const ServeSettings& settings, const std::string& own) {
  return own.empty() ? settings.host : own;
}

ServerThreads threads_of(const ServeSettings& settings) {
  const int said = settings.models.thread_budget;
  return divide_threads(said > 0 ? said : available_cpus(),
                        {settings.http_threads, settings.grpc_threads, 0, 0});
}

HttpOptions http_options(const ServeSettings& settings) {
  HttpOptions options;
  options.threads = threads_of(settings).http;
  if (settings.http) {
    options.listeners.push_back({HttpListener::Kind::kInference,
                                 address_of(settings, settings.http_address), false,
                                 settings.http_port, settings.tls});
    if (!settings.unix_socket.empty()) {
      options.listeners.push_back(
          {HttpListener::Kind::kInference, settings.unix_socket, true, 0, {}});
    }
  }
  if (settings.metrics) {
    options.listeners.push_back({HttpListener::Kind::kMetrics,
                                 address_of(settings, settings.metrics_address), false,
                                 settings.metrics_port, settings.tls});
  }
  return options;
}

GrpcOptions grpc_options(const ServeSettings& settings) {
  GrpcOptions options;
  options.threads = threads_of(settings).grpc;
  if (!settings.grpc) return options;
  options.listeners.push_back(
      {address_of(settings, settings.grpc_address), false, settings.grpc_port, settings.tls});
  if (!settings.unix_socket.empty()) {
    options.listeners.push_back({settings.unix_socket + ".grpc", true, 0, {}});
  }
  return options;
}

template <typename Listener>
std::string line_of(const char* name, const Listener& listener, std::uint16_t port) {
  std::string line = std::string(name) + ' ';
  if (listener.unix_socket) return line + "unix:" + listener.address;
  const bool six = listener.address.find(':') != std::string::npos;
  return line + (six ? '[' + listener.address + ']' : listener.address) + ':' +
         std::to_string(port);
}

}  // namespace

// In the order of who needs whom: destroyed from the last to the first.
struct ServerApp::Parts {
  Parts(const ServeSettings& given, const std::string& version, Clock& given_clock)
      : settings(given),
        clock(given_clock),
        identity(identity_of(given, version)),
        changeable(given.log_level),
        regions(given.shared_memory, given.shared_memory_limits,
                make_region_opener(given.cuda_memory_backend)) {}

  Status start(const std::string& version);
  Status listen();

  const ServeSettings settings;
  Clock& clock;
  const ServerIdentity identity;
  AccessPolicy access;
  std::unique_ptr<AccessLog> access_log = std::make_unique<AccessLog>();
  ServerSettings changeable;
  SharedMemoryRegions regions;
  FrontendMetrics frontend_metrics;
  std::unique_ptr<GpuSampler> gpus;  // null: not asked for
  std::unique_ptr<LocalService> models;
  std::unique_ptr<MetricsPage> page;
  std::optional<FrontServices> services;
  std::unique_ptr<HttpFrontend> http;
  std::unique_ptr<GrpcFrontend> grpc;
  std::vector<std::string> listening;
};

Status ServerApp::Parts::start(const std::string& version) {
  if (!settings.token_file.empty()) {
    MUSTER_ASSIGN_OR_RETURN(access, AccessPolicy::from_file(settings.token_file));
  }
  if (!settings.access_log.empty()) {
    MUSTER_ASSIGN_OR_RETURN(access_log, AccessLog::open(settings.access_log));
  }
  if (settings.metrics && settings.gpu_metrics)
    gpus = std::make_unique<GpuSampler>(settings.gpus, clock);
  MUSTER_ASSIGN_OR_RETURN(models, LocalService::start(settings.models, clock));
  page = std::make_unique<MetricsPage>(MetricsPage::Sources{
      [this](const MetricsPage::VisitVersion& visit) { models->visit_metrics(visit); },
      [this] { return models->ready(); },
      [this] { return gpus == nullptr ? std::vector<GpuSample>() : gpus->samples(); },
      frontend_metrics, version});
  services.emplace(FrontServices{*models, *models, *models, regions, changeable, access,
                                 *access_log, frontend_metrics, [this] { return page->text(); },
                                 identity, settings.limits, clock});
  return {};
}

Status ServerApp::Parts::listen() {
  HttpOptions http_wanted = http_options(settings);
  GrpcOptions grpc_wanted = grpc_options(settings);
  std::vector<std::string> metrics_lines;
  if (!http_wanted.listeners.empty()) {
    MUSTER_ASSIGN_OR_RETURN(http, HttpFrontend::start(*services, http_wanted));
    const std::vector<std::uint16_t> ports = http->ports();
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const HttpListener& listener = http_wanted.listeners[i];
      const bool is_metrics = listener.kind == HttpListener::Kind::kMetrics;
      (is_metrics ? metrics_lines : listening)
          .push_back(line_of(is_metrics ? "metrics" : "http", listener, ports[i]));
    }
  }
  if (!grpc_wanted.listeners.empty()) {
    MUSTER_ASSIGN_OR_RETURN(grpc, GrpcFrontend::start(*services, grpc_wanted));
    const std::vector<std::uint16_t> ports = grpc->ports();
    for (std::size_t i = 0; i < ports.size(); ++i)
      listening.push_back(line_of("grpc", grpc_wanted.listeners[i], ports[i]));
  }
  std::ranges::move(metrics_lines, std::back_inserter(listening));
  return {};
}

ServerApp::ServerApp(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

ServerApp::~ServerApp() = default;

Result<std::unique_ptr<ServerApp>> ServerApp::start(const ServeSettings& settings,
                                                    const std::string& version, Clock& clock) {
  auto parts = std::make_unique<Parts>(settings, version, clock);
  MUSTER_RETURN_IF_ERROR(parts->start(version));
  return std::unique_ptr<ServerApp>(new ServerApp(std::move(parts)));
}

Status ServerApp::listen() {
  return parts_->listen();
}

const std::vector<std::string>& ServerApp::listening() const {
  return parts_->listening;
}

std::vector<ModelIndexEntry> ServerApp::await_loaded() {
  return parts_->models->await_loaded();
}

std::vector<ModelIndexEntry> ServerApp::ready_models() const {
  return parts_->models->index(true);
}

std::string ServerApp::runtime_of(const ModelIndexEntry& model) const {
  const auto description = parts_->models->describe(model.name, model.version);
  return description.ok() ? (*description)->runtime : std::string();
}

bool ServerApp::stop() {
  Parts& parts = *parts_;
  const Clock::TimePoint until = add_saturating(parts.clock.now(), parts.settings.exit_timeout);
  const auto left = [&] {
    return std::max(std::chrono::milliseconds(0),
                    std::chrono::ceil<std::chrono::milliseconds>(until - parts.clock.now()));
  };
  parts.models->begin_stop();
  if (parts.http != nullptr) parts.http->stop_accepting();
  if (parts.grpc != nullptr) parts.grpc->stop_accepting();
  // The front ends first: a request that they have read is still to come to the models.
  const bool http_done = parts.http == nullptr || parts.http->drain(left());
  const bool grpc_done = parts.grpc == nullptr || parts.grpc->drain(left());
  const bool models_done = parts.models->drain(left());
  return http_done && grpc_done && models_done;
}

}  // namespace muster
