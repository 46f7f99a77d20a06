// SPDX-License-Identifier: Apache-2.0
// The same over gRPC: plain values to the protocol's messages.
#pragma once

#include <cstdint>
#include <span>

#include "open_inference.pb.h"
#include "protocol/control_json.h"

namespace muster {

void fill(const ServerIdentity& server, ::inference::ServerMetadataResponse& message);
void fill(const ModelDescription& model, std::span<const std::int64_t> versions,
          const ModelPreparation& preparation, ::inference::ModelMetadataResponse& message);
[[nodiscard]] Status fill(const ModelDescription& model, ::inference::ModelConfigResponse& message);
void fill(std::span<const ModelStatistics> statistics,
          ::inference::ModelStatisticsResponse& message);
void fill(std::span<const ModelIndexEntry> index, ::inference::RepositoryIndexResponse& message);
void fill(std::span<const RegionStatus> regions,
          ::inference::SystemSharedMemoryStatusResponse& message);
void fill(std::span<const RegionStatus> regions,
          ::inference::CudaSharedMemoryStatusResponse& message);
[[nodiscard]] Result<CudaRegionOrder> cuda_region_order(
    const ::inference::CudaSharedMemoryRegisterRequest& message);
// A `file:` parameter is refused by name.
[[nodiscard]] Result<LoadQuery> load_query(const ::inference::RepositoryModelLoadRequest& message,
                                           const ProtocolLimits& limits);
void fill(const Settings& settings, ::inference::TraceSettingResponse& message);
void fill(const Settings& settings, ::inference::LogSettingsResponse& message);
// No value is null; the values of trace_level are a list also where there is one.
[[nodiscard]] Result<Settings> settings_of(const ::inference::TraceSettingRequest& message,
                                           const ProtocolLimits& limits);
[[nodiscard]] Result<Settings> settings_of(const ::inference::LogSettingsRequest& message,
                                           const ProtocolLimits& limits);

}  // namespace muster
