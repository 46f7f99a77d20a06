// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/services/control_methods.h"

#include <array>
#include <string>
#include <vector>

#include "frontend/cuda_regions.h"
#include "frontend/grpc/calls/unary_conversation.h"
#include "open_inference.pb.h"
#include "protocol/control_messages.h"
#include "protocol/infer_call.h"

namespace muster {
namespace {

namespace oip = ::inference;

const FrontServices& services_of(GenericCall& call) {
  return call.environment().services;
}

// ---- health ----

Status server_live(GenericCall&, const oip::ServerLiveRequest&, oip::ServerLiveResponse& reply) {
  reply.set_live(true);
  return {};
}

Status server_ready(GenericCall& call, const oip::ServerReadyRequest&,
                    oip::ServerReadyResponse& reply) {
  reply.set_ready(!call.environment().open_calls.stopping() && services_of(call).models.ready());
  return {};
}

// A model that is not there is not ready; that is an answer, and no error.
Status model_ready(GenericCall& call, const oip::ModelReadyRequest& request,
                   oip::ModelReadyResponse& reply) {
  MUSTER_ASSIGN_OR_RETURN(const std::int64_t version, parse_model_version(request.version()));
  reply.set_ready(!call.environment().open_calls.stopping() &&
                  services_of(call).models.model_ready(request.name(), version).ok());
  return {};
}

// ---- what there is ----

Status server_metadata(GenericCall& call, const oip::ServerMetadataRequest&,
                       oip::ServerMetadataResponse& reply) {
  fill(services_of(call).identity, reply);
  return {};
}

Result<std::shared_ptr<const ModelDescription>> describe(GenericCall& call, const std::string& name,
                                                         const std::string& version) {
  MUSTER_ASSIGN_OR_RETURN(const std::int64_t number, parse_model_version(version));
  return services_of(call).inference.describe(name, number);
}

Status model_metadata(GenericCall& call, const oip::ModelMetadataRequest& request,
                      oip::ModelMetadataResponse& reply) {
  MUSTER_ASSIGN_OR_RETURN(const auto model, describe(call, request.name(), request.version()));
  MUSTER_ASSIGN_OR_RETURN(const std::vector<std::int64_t> versions,
                          services_of(call).models.versions(request.name()));
  MUSTER_ASSIGN_OR_RETURN(const ModelPreparation preparation,
                          services_of(call).models.preparation(request.name(), model->version));
  fill(*model, versions, preparation, reply);
  return {};
}

Status model_config(GenericCall& call, const oip::ModelConfigRequest& request,
                    oip::ModelConfigResponse& reply) {
  MUSTER_ASSIGN_OR_RETURN(const auto model, describe(call, request.name(), request.version()));
  return fill(*model, reply);
}

Status model_statistics(GenericCall& call, const oip::ModelStatisticsRequest& request,
                        oip::ModelStatisticsResponse& reply) {
  MUSTER_ASSIGN_OR_RETURN(const std::int64_t version, parse_model_version(request.version()));
  MUSTER_ASSIGN_OR_RETURN(const auto statistics,
                          services_of(call).models.statistics(request.name(), version));
  fill(statistics, reply);
  return {};
}

// ---- repository ----

Status repository_index(GenericCall& call, const oip::RepositoryIndexRequest& request,
                        oip::RepositoryIndexResponse& reply) {
  fill(services_of(call).models.index(request.ready()), reply);
  return {};
}

Status repository_model_unload(GenericCall& call, const oip::RepositoryModelUnloadRequest& request,
                               oip::RepositoryModelUnloadResponse&) {
  return services_of(call).models.unload(request.model_name());
}

// ---- shared memory ----

Status system_shared_memory_status(GenericCall& call,
                                   const oip::SystemSharedMemoryStatusRequest& request,
                                   oip::SystemSharedMemoryStatusResponse& reply) {
  MUSTER_ASSIGN_OR_RETURN(const auto regions, services_of(call).regions.status(request.name()));
  fill(regions, reply);
  return {};
}

Status system_shared_memory_register(GenericCall& call,
                                     const oip::SystemSharedMemoryRegisterRequest& request,
                                     oip::SystemSharedMemoryRegisterResponse&) {
  return services_of(call).regions.add(request.name(), request.key(), request.offset(),
                                       request.byte_size());
}

Status system_shared_memory_unregister(GenericCall& call,
                                       const oip::SystemSharedMemoryUnregisterRequest& request,
                                       oip::SystemSharedMemoryUnregisterResponse&) {
  return services_of(call).regions.remove(request.name());
}

Status cuda_shared_memory_status(GenericCall& call,
                                 const oip::CudaSharedMemoryStatusRequest& request,
                                 oip::CudaSharedMemoryStatusResponse& reply) {
  MUSTER_ASSIGN_OR_RETURN(const auto regions,
                          cuda_regions(services_of(call).regions, request.name()));
  fill(regions, reply);
  return {};
}

Status cuda_shared_memory_unregister(GenericCall& call,
                                     const oip::CudaSharedMemoryUnregisterRequest& request,
                                     oip::CudaSharedMemoryUnregisterResponse&) {
  return remove_cuda_regions(services_of(call).regions, request.name());
}

// ---- settings ----

// Reading them is for those who infer, changing them the administrator's. Which it is only the
// message says; who has neither right is sent away before it is read.
Status admit_to_settings(GenericCall& call, const Settings& changes) {
  return admit(call.environment(), changes.empty() ? Right::kInfer : Right::kAdmin, call.stream());
}

Status trace_setting(GenericCall& call, const oip::TraceSettingRequest& request,
                     oip::TraceSettingResponse& reply) {
  const FrontServices& services = services_of(call);
  MUSTER_ASSIGN_OR_RETURN(const Settings changes, settings_of(request, services.limits.protocol));
  MUSTER_RETURN_IF_ERROR(admit_to_settings(call, changes));
  if (!changes.empty()) {
    MUSTER_RETURN_IF_ERROR(services.settings.change_trace_settings(changes));
  }
  fill(services.settings.trace_settings(), reply);
  return {};
}

Status log_settings(GenericCall& call, const oip::LogSettingsRequest& request,
                    oip::LogSettingsResponse& reply) {
  const FrontServices& services = services_of(call);
  MUSTER_ASSIGN_OR_RETURN(const Settings changes, settings_of(request, services.limits.protocol));
  MUSTER_RETURN_IF_ERROR(admit_to_settings(call, changes));
  if (!changes.empty()) {
    MUSTER_RETURN_IF_ERROR(services.settings.change_log_settings(changes));
  }
  fill(services.settings.log_settings(), reply);
  return {};
}

template <auto Function>
constexpr GrpcMethod method(std::string_view path, Right right) {
  return {path, right, &MethodOf<Function>::begin};
}

template <auto Function>
constexpr GrpcMethod settings_method(std::string_view path) {
  return {.path = path,
          .right = Right::kInfer,
          .begin = &MethodOf<Function>::begin,
          .or_right = Right::kAdmin};
}

#define MUSTER_OIP(name) "/inference.GRPCInferenceService/" name
constexpr std::array kMethods = {
    method<&server_live>(MUSTER_OIP("ServerLive"), Right::kHealth),
    method<&server_ready>(MUSTER_OIP("ServerReady"), Right::kHealth),
    method<&model_ready>(MUSTER_OIP("ModelReady"), Right::kHealth),
    method<&server_metadata>(MUSTER_OIP("ServerMetadata"), Right::kInfer),
    method<&model_metadata>(MUSTER_OIP("ModelMetadata"), Right::kInfer),
    method<&model_config>(MUSTER_OIP("ModelConfig"), Right::kInfer),
    method<&model_statistics>(MUSTER_OIP("ModelStatistics"), Right::kInfer),
    method<&repository_index>(MUSTER_OIP("RepositoryIndex"), Right::kInfer),
    method<&repository_model_unload>(MUSTER_OIP("RepositoryModelUnload"), Right::kAdmin),
    method<&system_shared_memory_status>(MUSTER_OIP("SystemSharedMemoryStatus"), Right::kAdmin),
    method<&system_shared_memory_register>(MUSTER_OIP("SystemSharedMemoryRegister"), Right::kAdmin),
    method<&system_shared_memory_unregister>(MUSTER_OIP("SystemSharedMemoryUnregister"),
                                             Right::kAdmin),
    method<&cuda_shared_memory_status>(MUSTER_OIP("CudaSharedMemoryStatus"), Right::kAdmin),
    method<&cuda_shared_memory_unregister>(MUSTER_OIP("CudaSharedMemoryUnregister"), Right::kAdmin),
    settings_method<&trace_setting>(MUSTER_OIP("TraceSetting")),
    settings_method<&log_settings>(MUSTER_OIP("LogSettings")),
};
#undef MUSTER_OIP

}  // namespace

std::span<const GrpcMethod> control_methods() {
  return kMethods;
}

}  // namespace muster
