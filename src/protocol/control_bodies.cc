// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/text.h"
#include "protocol/base64.h"
#include "protocol/control_json.h"
#include "protocol/json/json_reader.h"

namespace muster {
namespace {

// Calls `field(key)` at the value of each field of the body's object; it reads the value, and fails
// the reader or returns what is wrong.
template <typename Field>
Status read_object(JsonReader& json, const ProtocolLimits& limits, const Field& field) {
  std::string_view key;
  std::size_t count = 0;
  if (!json.enter_object()) return json.status();
  while (json.next_field(key)) {
    if (++count > limits.max_parameters) {
      return invalid_argument("there are more than " + std::to_string(limits.max_parameters) +
                              " fields");
    }
    MUSTER_RETURN_IF_ERROR(field(key));
  }
  return json.status();
}

template <typename Field>
Status read_body(std::string_view body, const ProtocolLimits& limits, const Field& field) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
  JsonReader json(body, limits.max_json_depth, "the body's JSON");
  MUSTER_RETURN_IF_ERROR(
      read_object(json, limits, [&](std::string_view key) { return field(json, key); }));
  return json.finish() ? Status() : json.status();
}

Status skipped(JsonReader& json) {
  return json.skip_value() ? Status() : json.status();
}

bool read_texts(JsonReader& json, std::vector<std::string>& texts) {
  if (!json.enter_array()) return false;
  std::string_view text;
  while (json.next_element()) {
    if (!json.read_string(text)) return false;
    texts.emplace_back(text);
  }
  return json.ok();
}

bool read_setting(JsonReader& json, SettingValue& value) {
  std::string_view text;
  switch (json.next_kind()) {
    case JsonKind::kNull:
      return json.read_null();
    case JsonKind::kBool:
      return json.read_bool(value.emplace<bool>());
    case JsonKind::kNumber:
      return json.read_uint(value.emplace<std::uint64_t>());
    case JsonKind::kArray:
      return read_texts(json, value.emplace<std::vector<std::string>>());
    default:
      if (!json.read_string(text)) return false;
      value.emplace<std::string>(text);
      return true;
  }
}

// CUDA's have 64.
constexpr std::size_t kMaxHandleBytes = 1024;

Status read_handle(std::string_view text, std::vector<std::byte>& handle) {
  // Four characters are three bytes.
  if (text.size() > (kMaxHandleBytes + 2) / 3 * 4) return check_region_handle(text.size() / 4 * 3);
  std::optional<std::vector<std::byte>> bytes = decode_base64(text);
  if (!bytes) return invalid_argument("raw_handle.b64 is no base64");
  handle = *std::move(bytes);
  return check_region_handle(handle.size());
}

}  // namespace

Result<IndexQuery> parse_index_query(std::string_view body, const ProtocolLimits& limits) {
  IndexQuery query;
  MUSTER_RETURN_IF_ERROR(read_body(body, limits, [&](JsonReader& json, std::string_view key) {
    if (key != "ready") return skipped(json);
    return json.read_bool(query.ready) ? Status() : json.status();
  }));
  return query;
}

Status check_load_parameter(std::string_view name) {
  if (name == "config") return {};
  if (name.starts_with("file:")) {
    return invalid_argument("parameter '" + printable(name) +
                            "': files cannot be uploaded; put the model into the repository, and "
                            "load it by its name");
  }
  return invalid_argument("unknown parameter '" + printable(name) +
                          "' of a load; 'config' is the one there is");
}

Result<LoadQuery> parse_load_query(std::string_view body, const ProtocolLimits& limits) {
  LoadQuery query;
  const auto parameter = [&](JsonReader& json, std::string_view name) -> Status {
    MUSTER_RETURN_IF_ERROR(check_load_parameter(name));
    std::string_view text;
    if (!json.read_string(text)) return json.status();
    query.config_json = text;
    return {};
  };
  MUSTER_RETURN_IF_ERROR(read_body(body, limits, [&](JsonReader& json, std::string_view key) {
    if (key != "parameters") return skipped(json);
    return read_object(json, limits, [&](std::string_view name) { return parameter(json, name); });
  }));
  return query;
}

Result<RegionQuery> parse_region_query(std::string_view body, const ProtocolLimits& limits) {
  RegionQuery query;
  bool has_key = false;
  bool has_size = false;
  MUSTER_RETURN_IF_ERROR(read_body(body, limits, [&](JsonReader& json, std::string_view key) {
    std::string_view text;
    bool read = true;
    if (key == "key") {
      read = has_key = json.read_string(text);
      query.key = text;
    } else if (key == "offset") {
      read = json.read_uint(query.offset);
    } else if (key == "byte_size") {
      read = has_size = json.read_uint(query.byte_size);
    } else {
      return skipped(json);
    }
    return read ? Status() : json.status();
  }));
  if (!has_key || !has_size) {
    return invalid_argument(std::string("the body has no '") + (has_key ? "byte_size" : "key") +
                            "'");
  }
  return query;
}

Status check_region_handle(std::size_t bytes) {
  if (bytes > 0 && bytes <= kMaxHandleBytes) return {};
  return invalid_argument("raw_handle has " + std::to_string(bytes) +
                          " bytes; a cudaIpcMemHandle_t has 64, and none more than " +
                          std::to_string(kMaxHandleBytes));
}

Result<CudaRegionOrder> parse_cuda_region_order(std::string_view body,
                                                const ProtocolLimits& limits) {
  CudaRegionOrder order;
  bool has_handle = false;
  bool has_device = false;
  bool has_size = false;
  const auto handle = [&](JsonReader& json, std::string_view key) -> Status {
    if (key != "b64") return skipped(json);
    std::string_view text;
    if (!json.read_string(text)) return json.status();
    has_handle = true;
    return read_handle(text, order.handle);
  };
  MUSTER_RETURN_IF_ERROR(read_body(body, limits, [&](JsonReader& json, std::string_view key) {
    bool read = true;
    if (key == "raw_handle") {
      return read_object(json, limits, [&](std::string_view name) { return handle(json, name); });
    }
    if (key == "device_id") {
      read = has_device = json.read_int(order.device);
    } else if (key == "byte_size") {
      read = has_size = json.read_uint(order.byte_size);
    } else {
      return skipped(json);
    }
    return read ? Status() : json.status();
  }));
  if (has_handle && has_device && has_size) return order;
  return invalid_argument(std::string("the body has no '") +
                          (!has_handle   ? "raw_handle.b64"
                           : !has_device ? "device_id"
                                         : "byte_size") +
                          "'");
}

Status check_setting_name(std::string_view name, const ProtocolLimits& limits) {
  if (name.size() <= limits.max_name_bytes) return {};
  return invalid_argument("the name of setting '" + printable(name, 40) + "' has more than " +
                          std::to_string(limits.max_name_bytes) + " bytes");
}

Result<Settings> parse_settings(std::string_view body, const ProtocolLimits& limits) {
  Settings settings;
  MUSTER_RETURN_IF_ERROR(read_body(body, limits, [&](JsonReader& json, std::string_view key) {
    std::string name(key);
    if (Status named = check_setting_name(name, limits); !named.ok()) return named;
    SettingValue value;
    if (!read_setting(json, value)) return json.status();
    settings.insert_or_assign(std::move(name), std::move(value));
    return Status();
  }));
  return settings;
}

}  // namespace muster
