// SPDX-License-Identifier: Apache-2.0
#include "client/model_replies.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "base/text.h"
#include "open_inference.pb.h"
#include "protocol/infer_call.h"
#include "protocol/json/json_reader.h"

namespace muster {
namespace {

constexpr ProtocolLimits kLimits;
constexpr std::size_t kWordsBytes = 500;

Status no_model(std::string_view why) {
  return invalid_argument("is no description of a model: " + std::string(why));
}

// What both forms say of a tensor, held against the limits.
Status add_tensor(std::string_view name, std::string_view datatype, std::vector<std::int64_t> dims,
                  std::vector<TensorSpec>& tensors) {
  if (name.empty() || name.size() > kLimits.max_name_bytes)
    return no_model("a tensor has no name of 1 to " + std::to_string(kLimits.max_name_bytes) +
                    " bytes");
  if (tensors.size() == kLimits.max_tensors) return no_model("it has too many tensors");
  if (dims.size() > kLimits.max_rank)
    return no_model("'" + printable(name) + "' has too many dimensions");
  for (std::int64_t& dim : dims) {
    if (dim < 0) dim = kDynamicDim;
  }
  auto type = parse_data_type(datatype);
  if (!type.ok()) return type.status().with_context("tensor '" + printable(name) + "'");
  tensors.push_back({std::string(name), *type, Shape(dims), {}});
  return {};
}

Status read_dims(JsonReader& json, std::vector<std::int64_t>& dims) {
  if (!json.enter_array()) return json.status();
  while (json.next_element()) {
    if (dims.size() > kLimits.max_rank) return no_model("a shape has too many dimensions");
    if (!json.read_int(dims.emplace_back())) return json.status();
  }
  return json.status();
}

Status read_tensor(JsonReader& json, std::vector<TensorSpec>& tensors) {
  std::string name;
  std::string datatype;
  std::vector<std::int64_t> dims;
  std::string_view key;
  std::string_view text;
  if (!json.enter_object()) return json.status();
  while (json.next_field(key)) {
    if (key == "name" || key == "datatype") {
      std::string& target = key == "name" ? name : datatype;
      if (!json.read_string(text)) return json.status();
      target = text;
    } else if (key == "shape") {
      MUSTER_RETURN_IF_ERROR(read_dims(json, dims));
    } else if (!json.skip_value(true)) {
      return json.status();
    }
  }
  MUSTER_RETURN_IF_ERROR(json.status());
  return add_tensor(name, datatype, std::move(dims), tensors);
}

Status read_tensors(JsonReader& json, std::vector<TensorSpec>& tensors) {
  if (!json.enter_array()) return json.status();
  while (json.next_element())
    MUSTER_RETURN_IF_ERROR(read_tensor(json, tensors));
  return json.status();
}

struct IndexEntry {
  std::string name;
  std::string state;
  Status add_to(std::set<std::string>& names) && {
    if (!name.empty() && (state.empty() || state == "READY")) names.insert(std::move(name));
    if (names.size() <= kMostModelNames) return {};
    return invalid_argument("the server's list has more than " + std::to_string(kMostModelNames) +
                            " models that are ready");
  }
};

Status read_entry(JsonReader& json, IndexEntry& entry) {
  std::string_view key;
  std::string_view text;
  if (!json.enter_object()) return json.status();
  while (json.next_field(key)) {
    const bool wanted = key == "name" || key == "state";
    if (!wanted || json.next_kind() != JsonKind::kString) {
      if (!json.skip_value(true)) return json.status();
      continue;
    }
    std::string& target = key == "name" ? entry.name : entry.state;
    if (!json.read_string(text)) return json.status();
    target = text;
  }
  return json.status();
}

}  // namespace

Result<RemoteModel> model_of_json(std::string_view body) {
  JsonReader json(body, kLimits.max_json_depth, "the server's JSON");
  RemoteModel model;
  std::string_view key;
  std::string_view text;
  if (!json.enter_object()) return json.status();
  while (json.next_field(key)) {
    if (key == "inputs") {
      MUSTER_RETURN_IF_ERROR(read_tensors(json, model.signature.inputs));
    } else if (key == "outputs") {
      MUSTER_RETURN_IF_ERROR(read_tensors(json, model.signature.outputs));
    } else if (key == "platform" && json.next_kind() == JsonKind::kString) {
      if (!json.read_string(text)) return json.status();
      model.platform = text;
    } else if (!json.skip_value(true)) {
      return json.status();
    }
  }
  if (!json.finish()) return json.status();
  if (model.signature.inputs.empty()) return no_model("it names no inputs");
  return model;
}

Result<RemoteModel> model_of_message(std::string_view message) {
  inference::ModelMetadataResponse response;
  if (!response.ParseFromArray(message.data(), static_cast<int>(message.size())))
    return no_model("it is no ModelMetadataResponse");
  RemoteModel model;
  model.platform = response.platform();
  const auto add = [](const auto& given, std::vector<TensorSpec>& tensors) -> Status {
    for (const auto& tensor : given) {
      MUSTER_RETURN_IF_ERROR(add_tensor(tensor.name(), tensor.datatype(),
                                        {tensor.shape().begin(), tensor.shape().end()}, tensors));
    }
    return {};
  };
  MUSTER_RETURN_IF_ERROR(add(response.inputs(), model.signature.inputs));
  MUSTER_RETURN_IF_ERROR(add(response.outputs(), model.signature.outputs));
  if (model.signature.inputs.empty()) return no_model("it names no inputs");
  return model;
}

std::optional<std::int64_t> batch_size_of_json(std::string_view body) {
  JsonReader json(body, kLimits.max_json_depth, "the server's JSON");
  std::optional<std::int64_t> size;
  std::string_view key;
  if (!json.enter_object()) return std::nullopt;
  while (json.next_field(key)) {
    const bool read =
        key == "max_batch_size" ? json.read_int(size.emplace()) : json.skip_value(true);
    if (!read) return std::nullopt;
  }
  return json.finish() ? size : std::nullopt;
}

std::optional<std::int64_t> batch_size_of_message(std::string_view message) {
  inference::ModelConfigResponse response;
  if (!response.ParseFromArray(message.data(), static_cast<int>(message.size())) ||
      !response.has_config())
    return std::nullopt;
  return response.config().max_batch_size();
}

Result<std::set<std::string>> ready_models_of_json(std::string_view body) {
  JsonReader json(body, kLimits.max_json_depth, "the server's JSON");
  std::set<std::string> names;
  if (!json.enter_array()) return json.status();
  while (json.next_element()) {
    IndexEntry entry;
    MUSTER_RETURN_IF_ERROR(read_entry(json, entry));
    MUSTER_RETURN_IF_ERROR(std::move(entry).add_to(names));
  }
  if (!json.finish()) return json.status();
  return names;
}

Result<std::set<std::string>> ready_models_of_message(std::string_view message) {
  inference::RepositoryIndexResponse response;
  if (!response.ParseFromArray(message.data(), static_cast<int>(message.size())))
    return invalid_argument("the server's list of models is no RepositoryIndexResponse");
  std::set<std::string> names;
  for (const auto& model : response.models())
    MUSTER_RETURN_IF_ERROR((IndexEntry{model.name(), model.state()}.add_to(names)));
  return names;
}

std::string error_words(std::string_view body) {
  JsonReader json(body, kLimits.max_json_depth, "the server's JSON");
  std::string_view key;
  std::string_view text;
  if (json.next_kind() == JsonKind::kObject && json.enter_object()) {
    while (json.next_field(key)) {
      if (key == "error" && json.next_kind() == JsonKind::kString && json.read_string(text))
        return printable(text, kWordsBytes);
      if (!json.skip_value(true)) break;
    }
  }
  return printable(body, kWordsBytes);
}

}  // namespace muster
