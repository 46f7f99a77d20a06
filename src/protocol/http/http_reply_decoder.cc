// SPDX-License-Identifier: Apache-2.0
#include "protocol/http/http_reply_decoder.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "protocol/http/json_tensor.h"
#include "protocol/infer_tensors.h"
#include "protocol/json/json_reader.h"

namespace muster {
namespace {

constexpr std::string_view kText = "the server's JSON";

class HttpReplyDecoder {
 public:
  HttpReplyDecoder(std::string_view text, std::span<const std::byte> binary,
                   const ProtocolLimits& limits) noexcept
      : json_(text, limits.max_json_depth, kText), text_(text), binary_(binary), limits_(limits) {}

  Result<InferResponse> decode() {
    MUSTER_RETURN_IF_ERROR(read_reply());
    if (!binary_.empty()) {
      return invalid_argument(std::to_string(binary_.size()) +
                              " bytes follow the binary data of the last output");
    }
    MUSTER_RETURN_IF_ERROR(
        check_given_once("output", "is given twice", response_.outputs,
                         [](const InferOutput& output) { return std::string_view(output.name); }));
    return std::move(response_);
  }

 private:
  Status read_reply() {
    std::string_view key;
    bool has_outputs = false;
    if (!json_.enter_object()) return json_.status();
    while (json_.next_field(key)) {
      if (key == "outputs") {
        if (std::exchange(has_outputs, true))
          return invalid_argument("the answer has 'outputs' twice");
        MUSTER_RETURN_IF_ERROR(read_outputs());
      } else if (key == "id" && json_.next_kind() == JsonKind::kString) {
        MUSTER_RETURN_IF_ERROR(read_id());
      } else if (!json_.skip_value(true)) {
        return json_.status();
      }
    }
    if (!json_.ok() || !json_.finish()) return json_.status();
    return has_outputs ? Status() : invalid_argument("the answer has no 'outputs'");
  }

  Status read_id() {
    std::string_view id;
    if (!json_.read_string(id)) return json_.status();
    MUSTER_RETURN_IF_ERROR(check_id(id, limits_));
    response_.id = id;
    return {};
  }

  Status read_outputs() {
    if (!json_.enter_array()) return json_.status();
    while (json_.next_element()) {
      JsonTensor output;
      output.takes_narrow_floats = true;
      const std::size_t index = response_.outputs.size();
      if (const Status read = read_json_tensor(json_, "output", index, limits_, output); !read.ok())
        return read.with_context(tensor_label("output", output.name, index));
      MUSTER_RETURN_IF_ERROR(check_json_tensor(output, "output", index, limits_));
      const std::string label = tensor_label("output", output.name, index);
      if (const Status added = add(output); !added.ok()) return added.with_context(label);
    }
    return json_.status();
  }

  Status add(JsonTensor& output) {
    if (!output.data.empty()) {
      MUSTER_RETURN_IF_ERROR(
          read_kept_data(JsonReader(text_, limits_.max_json_depth, kText), output));
    }
    const std::optional<std::uint64_t> size = output.parameters.binary_data_size;
    if (output.tensor.has_value() == size.has_value()) {
      return invalid_argument(size ? "'data' and binary_data_size exclude each other"
                                   : "it has neither 'data' nor binary_data_size");
    }
    if (size) {
      MUSTER_ASSIGN_OR_RETURN(output.tensor, take_binary(output, *size));
    }
    response_.outputs.push_back({std::move(output.name), *std::move(output.tensor)});
    return {};
  }

  Result<Tensor> take_binary(JsonTensor& output, std::uint64_t size) {
    InputHead head{output.name, output.type, {}, 0};
    MUSTER_RETURN_IF_ERROR(set_shape(head, std::move(output.shape)));
    if (size > binary_.size()) {
      return invalid_argument("binary_data_size is " + std::to_string(size) + ", and " +
                              std::to_string(binary_.size()) + " bytes are left behind the JSON");
    }
    const auto bytes = binary_.first(static_cast<std::size_t>(size));
    binary_ = binary_.subspan(bytes.size());
    return copied_tensor(head, bytes);
  }

  JsonReader json_;
  const std::string_view text_;
  std::span<const std::byte> binary_;  // what no output has taken yet
  const ProtocolLimits& limits_;
  InferResponse response_;
};

}  // namespace

Result<InferResponse> decode_http_reply(std::string_view body,
                                        std::optional<std::size_t> header_length,
                                        const ProtocolLimits& limits) {
  const std::size_t length = header_length.value_or(body.size());
  if (length > body.size()) {
    return invalid_argument("Inference-Header-Content-Length is " + std::to_string(length) +
                            ", the body has " + std::to_string(body.size()) + " bytes");
  }
  const std::string_view text = body.substr(0, length);
  return HttpReplyDecoder(text, std::as_bytes(std::span(body.substr(length))), limits).decode();
}

}  // namespace muster
