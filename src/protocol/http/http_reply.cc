// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/text.h"
#include "protocol/http/http_infer.h"
#include "protocol/json/json_elements.h"
#include "protocol/json/json_writer.h"
#include "protocol/reply_outputs.h"

namespace muster {
namespace {

void append_head(std::string& json, const ReplyWishes& wishes, const ModelDescription* model) {
  json += R"({"model_name":)";
  append_json_string(json, model == nullptr ? std::string_view() : model->config.name);
  json += R"(,"model_version":")";
  json += version_text(model == nullptr ? 0 : model->version);
  json += '"';
  if (!wishes.id.empty()) {
    json += R"(,"id":)";
    append_json_string(json, wishes.id);
  }
  json += R"(,"outputs":[)";
}

void append_tensor_head(std::string& json, std::string_view name, const TensorView& tensor) {
  json += R"({"name":)";
  append_json_string(json, name);
  json += R"(,"datatype":")";
  json += data_type_name(tensor.type);
  json += R"(","shape":[)";
  for (std::size_t axis = 0; axis < tensor.shape.rank(); ++axis) {
    if (axis > 0) json += ',';
    append_json_number(json, tensor.shape[axis]);
  }
  json += ']';
}

void append_region(std::string& json, const OutputWish& wish, std::size_t size) {
  json += R"(,"parameters":{"shared_memory_region":)";
  append_json_string(json, wish.region);
  if (wish.region_offset > 0) {
    json += R"(,"shared_memory_offset":)";
    append_json_number(json, wish.region_offset);
  }
  json += R"(,"shared_memory_byte_size":)";
  append_json_number(json, size);
  json += '}';
}

Status append_elements(const OutputWish* wish, bool binary, const TensorView& tensor,
                       HttpInferReply& reply) {
  std::string& json = reply.json;
  if (wish != nullptr && wish->target) {
    MUSTER_RETURN_IF_ERROR(write_to_region(*wish, tensor));
    append_region(json, *wish, tensor.bytes.size());
  } else if (binary) {
    json += R"(,"parameters":{"binary_data_size":)";
    append_json_number(json, tensor.bytes.size());
    json += '}';
    reply.binary = true;
    if (!tensor.bytes.empty()) reply.parts.push_back(tensor.bytes);
  } else {
    json += R"(,"data":)";
    MUSTER_RETURN_IF_ERROR(append_json_elements(json, tensor));
  }
  json += '}';
  return {};
}

Status append_output(const ReplyWishes& wishes, std::size_t index, HttpInferReply& reply) {
  const InferOutput& output = reply.response.outputs[index];
  const OutputWish* wish = wish_of(wishes, output.name, index);
  const bool binary = wish == nullptr ? wishes.binary : wish->binary;
  TensorView tensor = output.tensor.view();
  if (wish != nullptr && wish->classes > 0) {
    MUSTER_ASSIGN_OR_RETURN(Tensor classes,
                            top_classes(output, wish->classes, reply.response.model.get()));
    reply.made.push_back(std::move(classes));
    tensor = reply.made.back().view();
  }
  append_tensor_head(reply.json, output.name, tensor);
  return append_elements(wish, binary, tensor, reply);
}

}  // namespace

std::size_t HttpInferReply::size() const noexcept {
  std::size_t size = json.size();
  for (const std::span<const std::byte> part : parts)
    size += part.size();
  return size;
}

Status encode_http_infer(const ReplyWishes& wishes, InferResponse response, HttpInferReply& reply) {
  reply.json.clear();
  reply.parts.clear();
  reply.made.clear();
  reply.binary = false;
  reply.response = std::move(response);
  append_head(reply.json, wishes, reply.response.model.get());
  for (std::size_t i = 0; i < reply.response.outputs.size(); ++i) {
    if (i > 0) reply.json += ',';
    if (const Status status = append_output(wishes, i, reply); !status.ok()) {
      return status.with_context("output '" + printable(reply.response.outputs[i].name) + "'");
    }
  }
  reply.json += "]}";
  return {};
}

}  // namespace muster
