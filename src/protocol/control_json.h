// SPDX-License-Identifier: Apache-2.0
// Everything of the protocol over HTTP that is not inference, as JSON: metadata, configuration,
// statistics, repository, shared memory, settings, class scores.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <muster/inference.h>

#include "inference/model_control.h"
#include "inference/picture_service.h"
#include "protocol/infer_call.h"
#include "protocol/json/json_writer.h"
#include "shared_memory/shared_memory_regions.h"

namespace muster {

struct ServerIdentity {
  std::string name = "muster";
  std::string version;
  std::vector<std::string> extensions;
};

// A tensor's shape with the batch axis, where there is one, open.
[[nodiscard]] Shape shown_shape(const TensorSpec& spec, bool batched);
[[nodiscard]] std::string server_metadata_json(const ServerIdentity& server);
[[nodiscard]] std::string model_metadata_json(const ModelDescription& model,
                                              std::span<const std::int64_t> versions,
                                              const ModelPreparation& preparation = {});
// After auto-completion, every default shown; 64-bit fields are numbers.
[[nodiscard]] Result<std::string> model_config_json(const ModelDescription& model);
[[nodiscard]] std::string statistics_json(std::span<const ModelStatistics> statistics);
[[nodiscard]] std::string index_json(std::span<const ModelIndexEntry> index);
[[nodiscard]] std::string regions_json(std::span<const RegionStatus> regions);
// The same of CUDA shared memory: name, device_id, byte_size.
[[nodiscard]] std::string cuda_regions_json(std::span<const RegionStatus> regions);
// {"model_name":..,"model_version":..,"pictures":[{"classes":[{"label":..,"index":..,"probability":..}]}]}
[[nodiscard]] std::string pictures_json(const PictureResponse& response, std::string_view id);

// Bodies of requests; an empty one is {}.
struct IndexQuery {
  bool ready = false;
};
[[nodiscard]] Result<IndexQuery> parse_index_query(std::string_view body, const ProtocolLimits&);
struct LoadQuery {
  std::optional<std::string> config_json;
};
// Ok for 'config'; a `file:` parameter is refused with what to do instead, others by name.
[[nodiscard]] Status check_load_parameter(std::string_view name);
[[nodiscard]] Result<LoadQuery> parse_load_query(std::string_view body, const ProtocolLimits&);
struct RegionQuery {
  std::string key;
  std::uint64_t offset = 0;
  std::uint64_t byte_size = 0;
};
[[nodiscard]] Result<RegionQuery> parse_region_query(std::string_view body, const ProtocolLimits&);
// {"raw_handle":{"b64":..},"device_id":..,"byte_size":..}; the order has no name yet.
[[nodiscard]] Result<CudaRegionOrder> parse_cuda_region_order(std::string_view body,
                                                              const ProtocolLimits&);
// Likewise for both transports.
[[nodiscard]] Status check_region_handle(std::size_t bytes);

// Settings are flat: a value is null, text, a number, true or false, or a list of texts.
using SettingValue =
    std::variant<std::monostate, bool, std::uint64_t, std::string, std::vector<std::string>>;
using Settings = std::map<std::string, SettingValue, std::less<>>;
[[nodiscard]] Status check_setting_name(std::string_view name, const ProtocolLimits&);
[[nodiscard]] Result<Settings> parse_settings(std::string_view body, const ProtocolLimits&);
[[nodiscard]] std::string settings_json(const Settings& settings);

}  // namespace muster
