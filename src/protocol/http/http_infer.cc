// SPDX-License-Identifier: Apache-2.0
#include "protocol/http/http_infer.h"

#include <array>
#include <string_view>
#include <utility>

#include "protocol/http/json_tensor.h"
#include "protocol/infer_parameters.h"
#include "protocol/infer_tensors.h"
#include "protocol/json/json_keys.h"
#include "protocol/json/json_reader.h"

namespace muster {
namespace {

struct GivenOutput {
  std::string name;
  OutputParameters parameters;
};

class HttpInferDecoder {
 public:
  HttpInferDecoder(std::string_view text, std::span<const std::byte> binary,
                   const DecodeContext& context) noexcept
      : json_(text, context.limits->max_json_depth),
        text_(text),
        binary_(binary),
        context_(context),
        limits_(*context.limits) {}

  Result<InferCall> decode() {
    MUSTER_RETURN_IF_ERROR(read_request());
    if (!binary_.empty()) {
      return invalid_argument(std::to_string(binary_.size()) +
                              " bytes follow the binary data of the last input");
    }
    for (GivenOutput& output : outputs_) {
      MUSTER_RETURN_IF_ERROR(
          add_output(std::move(output.name), std::move(output.parameters), context_, call_));
    }
    MUSTER_RETURN_IF_ERROR(check_outputs(call_));
    return std::move(call_);
  }

 private:
  Status read_request() {
    static constexpr std::array<std::string_view, 4> kKeys = {"id", "parameters", "inputs",
                                                              "outputs"};
    KnownKeys<kKeys.size()> keys(kKeys);
    bool has_inputs = false;
    std::string_view key;
    if (!json_.enter_object()) return json_.status();
    while (json_.next_field(key)) {
      MUSTER_ASSIGN_OR_RETURN(const std::size_t place, keys.place_of(key));
      has_inputs = has_inputs || place == 3;
      MUSTER_RETURN_IF_ERROR(read_request_field(place));
    }
    if (!json_.ok() || !json_.finish()) return json_.status();
    if (!has_inputs) return invalid_argument("the request has no 'inputs'");
    return {};
  }

  Status read_request_field(std::size_t place) {
    switch (place) {
      case 1:
        return read_id();
      case 2:
        return read_json_parameters(json_, limits_,
                                    [&](std::string_view name, const ParameterValue& value) {
                                      return apply_request_parameter(name, value, context_, call_);
                                    });
      case 3:
        return read_inputs();
      case 4:
        return read_outputs();
      default:
        return json_.skip_value() ? Status() : json_.status();
    }
  }

  Status read_id() {
    std::string_view id;
    if (take_null(json_)) return {};
    if (!json_.read_string(id)) return json_.status();
    MUSTER_RETURN_IF_ERROR(check_id(id, limits_));
    call_.request.id = id;
    call_.wishes.id = id;
    return {};
  }

  Status read_inputs() {
    if (!json_.enter_array()) return json_.status();
    while (json_.next_element()) {
      JsonTensor input;
      const std::size_t index = call_.request.inputs.size();
      if (const Status read = read_json_tensor(json_, "input", index, limits_, input); !read.ok())
        return read.with_context(tensor_label("input", input.name, index));
      MUSTER_RETURN_IF_ERROR(add_input(std::move(input)));
    }
    if (!json_.ok()) return json_.status();
    return check_given_once("input", "is given twice", call_.request.inputs,
                            [](const InferInput& input) { return std::string_view(input.name); });
  }

  // What is missing, and where the elements are.
  Status add_input(JsonTensor input) {
    MUSTER_RETURN_IF_ERROR(check_json_tensor(input, "input", call_.request.inputs.size(), limits_));
    const bool has_data = input.tensor.has_value() || !input.data.empty();
    const bool has_size = input.parameters.binary_data_size.has_value();
    const RegionPlace& region = input.parameters.region;
    if (int{has_data} + int{has_size} + int{region.named} > 1) {
      return in_input(input.name,
                      invalid_argument("'data', binary_data_size and shared_memory_region exclude "
                                       "each other"));
    }
    if (region.placed && !region.named) {
      return in_input(input.name, region_slice(region, context_).status());
    }
    if (has_data) return add_data(std::move(input));
    InputHead head{std::move(input.name), input.type, {}, 0};
    if (const Status shape = set_shape(head, std::move(input.shape)); !shape.ok()) {
      return in_input(head.name, shape);
    }
    if (has_size) return add_binary(std::move(head), *input.parameters.binary_data_size);
    if (region.named) {
      return add_from_region(std::move(head), region, context_, call_.request);
    }
    if (head.elements == 0) return add_view(std::move(head), {}, call_.request);
    return in_input(head.name, invalid_argument("it has neither 'data' nor binary_data_size nor "
                                                "shared_memory_region"));
  }

  Status add_data(JsonTensor input) {
    if (!input.tensor) {
      MUSTER_RETURN_IF_ERROR(
          in_input(input.name, read_kept_data(JsonReader(text_, limits_.max_json_depth), input)));
    }
    call_.request.add_input(std::move(input.name), *std::move(input.tensor));
    return {};
  }

  Status add_binary(InputHead head, std::uint64_t size) {
    if (size > binary_.size()) {
      return in_input(head.name,
                      invalid_argument("binary_data_size is " + std::to_string(size) + ", " +
                                       std::to_string(binary_.size()) +
                                       " bytes are left behind the JSON, whose length is in the "
                                       "header Inference-Header-Content-Length"));
    }
    const auto bytes = binary_.first(static_cast<std::size_t>(size));
    binary_ = binary_.subspan(bytes.size());
    return add_view(std::move(head), bytes, call_.request);
  }

  Status read_outputs() {
    if (take_null(json_)) return {};
    if (!json_.enter_array()) return json_.status();
    while (json_.next_element()) {
      GivenOutput& output = outputs_.emplace_back();
      MUSTER_RETURN_IF_ERROR(check_output_count());
      if (const Status read = read_output(output); !read.ok()) {
        return read.with_context(tensor_label("output", output.name, outputs_.size() - 1));
      }
    }
    return json_.status();
  }

  Status check_output_count() const {
    return check_tensor_name("output", "any", outputs_.size() - 1, limits_);
  }

  Status read_output(GivenOutput& output) {
    static constexpr std::array<std::string_view, 2> kKeys = {"name", "parameters"};
    KnownKeys<kKeys.size()> keys(kKeys);
    std::string_view key;
    if (!json_.enter_object()) return json_.status();
    while (json_.next_field(key)) {
      MUSTER_ASSIGN_OR_RETURN(const std::size_t place, keys.place_of(key));
      std::string_view text;
      if (place == 1) {
        if (!json_.read_string(text)) return json_.status();
        output.name = text;
      } else if (place == 2) {
        MUSTER_RETURN_IF_ERROR(read_json_parameters(
            json_, limits_, [&](std::string_view name, const ParameterValue& value) {
              return apply_output_parameter(name, value, output.parameters);
            }));
      } else if (!json_.skip_value()) {
        return json_.status();
      }
    }
    return json_.status();
  }

  JsonReader json_;
  const std::string_view text_;
  std::span<const std::byte> binary_;  // what no input has taken yet
  const DecodeContext& context_;
  const ProtocolLimits& limits_;
  std::vector<GivenOutput>
      outputs_;  // added last: `parameters` of the request may come behind them
  InferCall call_;
};

}  // namespace

Result<InferCall> decode_http_infer(std::shared_ptr<const RequestBody> body,
                                    std::optional<std::size_t> header_length,
                                    const DecodeContext& context) {
  const std::size_t length = header_length.value_or(body->size());
  if (length > body->size()) {
    return invalid_argument("Inference-Header-Content-Length is " + std::to_string(length) +
                            ", the body has " + std::to_string(body->size()) + " bytes");
  }
  HttpInferDecoder decoder(body->text().substr(0, length), body->bytes().subspan(length), context);
  MUSTER_ASSIGN_OR_RETURN(InferCall call, decoder.decode());
  call.request.keep(std::move(body));
  return call;
}

}  // namespace muster
