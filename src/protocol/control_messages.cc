// SPDX-License-Identifier: Apache-2.0
#include "protocol/control_messages.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "protocol/completed_config.h"
#include "protocol/preparation_fields.h"
#include "protocol/reply_outputs.h"

namespace muster {
namespace {

using Tensors =
    google::protobuf::RepeatedPtrField<::inference::ModelMetadataResponse::TensorMetadata>;

void fill_tensors(const std::vector<TensorSpec>& specs, bool batched, Tensors& tensors) {
  for (const TensorSpec& spec : specs) {
    const Shape shape = shown_shape(spec, batched);
    auto& tensor = *tensors.Add();
    tensor.set_name(spec.name);
    tensor.set_datatype(std::string(data_type_name(spec.type)));
    for (const std::int64_t dim : shape.dims())
      tensor.add_shape(dim);
  }
}

void fill_duration(const DurationSum& sum, ::inference::StatisticDuration& duration) {
  duration.set_count(sum.count);
  duration.set_ns(static_cast<std::uint64_t>(sum.total.count()));
}

void fill_model(const ModelStatistics& model, ::inference::ModelStatistics& message) {
  message.set_name(model.name);
  message.set_version(version_text(model.version));
  message.set_last_inference(static_cast<std::uint64_t>(model.last_inference.count()));
  message.set_inference_count(model.rows);
  message.set_execution_count(model.batches);
  ::inference::InferStatistics& sums = *message.mutable_inference_stats();
  fill_duration(model.success, *sums.mutable_success());
  fill_duration(model.failure, *sums.mutable_fail());
  fill_duration(model.queue, *sums.mutable_queue());
  fill_duration(model.gather, *sums.mutable_compute_input());
  fill_duration(model.compute, *sums.mutable_compute_infer());
  fill_duration(model.scatter, *sums.mutable_compute_output());
  fill_duration({}, *sums.mutable_cache_hit());
  fill_duration({}, *sums.mutable_cache_miss());
  for (const ModelStatistics::BatchSize& size : model.by_batch_size) {
    ::inference::InferBatchStatistics& batch = *message.add_batch_stats();
    batch.set_batch_size(static_cast<std::uint64_t>(size.rows));
    fill_duration(size.gather, *batch.mutable_compute_input());
    fill_duration(size.compute, *batch.mutable_compute_infer());
    fill_duration(size.scatter, *batch.mutable_compute_output());
  }
}

using TraceValue = ::inference::TraceSettingResponse::SettingValue;
struct TraceFiller {
  TraceValue& message;
  void operator()(std::monostate) const {}
  void operator()(bool value) const { message.add_value(value ? "true" : "false"); }
  void operator()(std::uint64_t value) const { message.add_value(std::to_string(value)); }
  void operator()(const std::string& value) const { message.add_value(value); }
  void operator()(const std::vector<std::string>& values) const {
    for (const std::string& value : values)
      message.add_value(value);
  }
};

using LogValue = ::inference::LogSettingsResponse::SettingValue;
struct LogFiller {
  LogValue& message;
  void operator()(std::monostate) const {}
  void operator()(bool value) const { message.set_bool_param(value); }
  void operator()(std::uint64_t value) const {
    // The message has 32 bits; no log setting comes near.
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    message.set_uint32_param(static_cast<std::uint32_t>(std::min(value, kMost)));
  }
  void operator()(const std::string& value) const { message.set_string_param(value); }
  void operator()(const std::vector<std::string>& values) const {
    std::string joined;
    for (const std::string& value : values)
      joined += (joined.empty() ? "" : ",") + value;
    message.set_string_param(joined);
  }
};

// As parse_settings does for JSON.
template <typename Values>
Status check_settings(const Values& settings, const ProtocolLimits& limits) {
  if (static_cast<std::size_t>(settings.size()) > limits.max_parameters) {
    return invalid_argument("there are more than " + std::to_string(limits.max_parameters) +
                            " settings");
  }
  for (const auto& [name, value] : settings)
    MUSTER_RETURN_IF_ERROR(check_setting_name(name, limits));
  return {};
}

SettingValue setting_of(const ::inference::LogSettingsRequest::SettingValue& value) {
  using Value = ::inference::LogSettingsRequest::SettingValue;
  switch (value.parameter_choice_case()) {
    case Value::kBoolParam:
      return value.bool_param();
    case Value::kUint32Param:
      return std::uint64_t{value.uint32_param()};
    case Value::kStringParam:
      return value.string_param();
    default:
      return std::monostate();
  }
}

}  // namespace

void fill(const ServerIdentity& server, ::inference::ServerMetadataResponse& message) {
  message.set_name(server.name);
  message.set_version(server.version);
  for (const std::string& extension : server.extensions)
    message.add_extensions(extension);
}

void fill(const ModelDescription& model, std::span<const std::int64_t> versions,
          const ModelPreparation& preparation, ::inference::ModelMetadataResponse& message) {
  message.set_name(model.config.name);
  for (const std::int64_t version : versions)
    message.add_versions(version_text(version));
  message.set_platform(platform_of(model.config.backend));
  const bool batched = model.config.batching.max_batch_size > 0;
  fill_tensors(model.config.inputs, batched, *message.mutable_inputs());
  fill_tensors(model.config.outputs, batched, *message.mutable_outputs());
  if (!model.runtime.empty()) {
    (*message.mutable_parameters())["runtime"].set_string_param(model.runtime);
  }
  for (auto& [name, text] : preparation_fields(preparation))
    (*message.mutable_parameters())["preparation_" + name].set_string_param(text);
}

Status fill(const ModelDescription& model, ::inference::ModelConfigResponse& message) {
  MUSTER_ASSIGN_OR_RETURN(*message.mutable_config(), completed_config(model));
  return {};
}

void fill(std::span<const ModelStatistics> statistics,
          ::inference::ModelStatisticsResponse& message) {
  for (const ModelStatistics& model : statistics)
    fill_model(model, *message.add_model_stats());
}

void fill(std::span<const ModelIndexEntry> index, ::inference::RepositoryIndexResponse& message) {
  for (const ModelIndexEntry& entry : index) {
    auto& model = *message.add_models();
    model.set_name(entry.name);
    model.set_version(version_text(entry.version));
    model.set_state(std::string(model_state_name(entry.state)));
    model.set_reason(entry.reason);
  }
}

void fill(std::span<const RegionStatus> regions,
          ::inference::SystemSharedMemoryStatusResponse& message) {
  for (const RegionStatus& region : regions) {
    auto& status = (*message.mutable_regions())[region.name];
    status.set_name(region.name);
    status.set_key(region.key);
    status.set_offset(region.offset);
    status.set_byte_size(region.byte_size);
  }
}

void fill(std::span<const RegionStatus> regions,
          ::inference::CudaSharedMemoryStatusResponse& message) {
  for (const RegionStatus& region : regions) {
    auto& status = (*message.mutable_regions())[region.name];
    status.set_name(region.name);
    status.set_device_id(static_cast<std::uint64_t>(region.device));
    status.set_byte_size(region.byte_size);
  }
}

Result<CudaRegionOrder> cuda_region_order(
    const ::inference::CudaSharedMemoryRegisterRequest& message) {
  MUSTER_RETURN_IF_ERROR(check_region_handle(message.raw_handle().size()));
  const auto handle = std::as_bytes(std::span(message.raw_handle()));
  return CudaRegionOrder{
      message.name(), {handle.begin(), handle.end()}, message.device_id(), message.byte_size()};
}

Result<LoadQuery> load_query(const ::inference::RepositoryModelLoadRequest& message,
                             const ProtocolLimits& limits) {
  LoadQuery query;
  if (static_cast<std::size_t>(message.parameters_size()) > limits.max_parameters) {
    return invalid_argument("there are more than " + std::to_string(limits.max_parameters) +
                            " parameters");
  }
  for (const auto& [name, value] : message.parameters()) {
    MUSTER_RETURN_IF_ERROR(check_load_parameter(name));
    if (!value.has_string_param()) {
      return invalid_argument("parameter 'config' must be a text");
    }
    query.config_json = value.string_param();
  }
  return query;
}

void fill(const Settings& settings, ::inference::TraceSettingResponse& message) {
  for (const auto& [name, value] : settings)
    std::visit(TraceFiller{(*message.mutable_settings())[name]}, value);
}

void fill(const Settings& settings, ::inference::LogSettingsResponse& message) {
  for (const auto& [name, value] : settings)
    std::visit(LogFiller{(*message.mutable_settings())[name]}, value);
}

Result<Settings> settings_of(const ::inference::TraceSettingRequest& message,
                             const ProtocolLimits& limits) {
  MUSTER_RETURN_IF_ERROR(check_settings(message.settings(), limits));
  Settings settings;
  for (const auto& [name, values] : message.settings()) {
    if (values.value_size() == 0) {
      settings.emplace(name, std::monostate());
    } else if (values.value_size() == 1 && name != "trace_level") {
      settings.emplace(name, values.value(0));
    } else {
      settings.emplace(name,
                       std::vector<std::string>(values.value().begin(), values.value().end()));
    }
  }
  return settings;
}

Result<Settings> settings_of(const ::inference::LogSettingsRequest& message,
                             const ProtocolLimits& limits) {
  MUSTER_RETURN_IF_ERROR(check_settings(message.settings(), limits));
  Settings settings;
  for (const auto& [name, value] : message.settings())
    settings.emplace(name, setting_of(value));
  return settings;
}

}  // namespace muster
