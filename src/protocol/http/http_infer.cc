// SPDX-License-Identifier: Apache-2.0
#include "protocol/http/http_infer.h"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "protocol/infer_parameters.h"
#include "protocol/infer_tensors.h"
#include "protocol/json/json_elements.h"
#include "protocol/json/json_keys.h"
#include "protocol/json/json_reader.h"

namespace muster {
namespace {

std::string in_quotes(std::string_view text) {
  return "'" + printable(text) + "'";
}

// By its place where its name is not known yet.
std::string label(std::string_view kind, std::string_view name, std::size_t index) {
  return std::string(kind) + " " + (name.empty() ? std::to_string(index) : in_quotes(name));
}

// What one object of `inputs` says, in whatever order it says it.
struct GivenInput {
  std::string name;
  bool has_shape = false;
  DataType type = DataType::kInvalid;
  Shape shape;
  InputParameters parameters;
  std::string_view data;  // its JSON, kept for later: it came before type or shape
  std::optional<Tensor> tensor;
};

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
        return read_parameters([&](std::string_view name, const ParameterValue& value) {
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

  // Clients that always write every key of their own types write null where there is nothing.
  bool is_null() { return json_.next_kind() == JsonKind::kNull && json_.read_null(); }

  Status read_id() {
    std::string_view id;
    if (is_null()) return {};
    if (!json_.read_string(id)) return json_.status();
    MUSTER_RETURN_IF_ERROR(check_id(id, limits_));
    call_.request.id = id;
    call_.wishes.id = id;
    return {};
  }

  template <typename Apply>
  Status read_parameters(const Apply& apply) {
    std::string_view name;
    std::size_t index = 0;
    if (is_null()) return {};
    if (!json_.enter_object()) return json_.status();
    while (json_.next_field(name)) {
      MUSTER_RETURN_IF_ERROR(admit_parameter(index++, name, limits_));
      ParameterValue value;
      if (!read_value(value)) return json_.status();
      MUSTER_RETURN_IF_ERROR(apply(name, value));
    }
    return json_.status();
  }

  bool read_value(ParameterValue& value) {
    switch (json_.next_kind()) {
      case JsonKind::kBool:
        return json_.read_bool(value.emplace<bool>());
      case JsonKind::kString:
        return json_.read_string(value.emplace<std::string_view>());
      case JsonKind::kNumber:
        return read_number_value(value);
      default:
        return json_.skip_value();
    }
  }

  bool read_number_value(ParameterValue& value) {
    std::string_view token;
    bool integer = false;
    if (!json_.read_number(token, integer)) return false;
    const char* const end = token.data() + token.size();
    const auto reads = [&](auto& number) {
      return std::from_chars(token.data(), end, number).ec == std::errc();
    };
    if (integer && (reads(value.emplace<std::int64_t>()) || reads(value.emplace<std::uint64_t>())))
      return true;
    (void)reads(value.emplace<double>());  // none of ours is one: only its kind matters
    return true;
  }

  Status read_inputs() {
    if (!json_.enter_array()) return json_.status();
    while (json_.next_element()) {
      GivenInput input;
      if (const Status read = read_input(input); !read.ok()) {
        return read.with_context(label("input", input.name, call_.request.inputs.size()));
      }
      MUSTER_RETURN_IF_ERROR(add_input(std::move(input)));
    }
    if (!json_.ok()) return json_.status();
    return check_given_once("input", "is given twice", call_.request.inputs,
                            [](const InferInput& input) { return std::string_view(input.name); });
  }

  Status read_input(GivenInput& input) {
    static constexpr std::array<std::string_view, 5> kKeys = {"name", "shape", "datatype",
                                                              "parameters", "data"};
    KnownKeys<kKeys.size()> keys(kKeys);
    std::string_view key;
    if (!json_.enter_object()) return json_.status();
    while (json_.next_field(key)) {
      MUSTER_ASSIGN_OR_RETURN(const std::size_t place, keys.place_of(key));
      MUSTER_RETURN_IF_ERROR(read_input_field(place, input));
    }
    return json_.status();
  }

  Status read_input_field(std::size_t place, GivenInput& input) {
    std::string_view text;
    switch (place) {
      case 1:
        if (!json_.read_string(text)) return json_.status();
        MUSTER_RETURN_IF_ERROR(
            check_tensor_name("input", text, call_.request.inputs.size(), limits_));
        input.name = text;
        return {};
      case 2:
        return read_shape(input);
      case 3: {
        if (!json_.read_string(text)) return json_.status();
        MUSTER_ASSIGN_OR_RETURN(input.type, read_datatype(text));
        return {};
      }
      case 4:
        return read_parameters([&](std::string_view name, const ParameterValue& value) {
          return apply_input_parameter(name, value, input.parameters);
        });
      case 5:
        return read_data(input);
      default:
        return json_.skip_value() ? Status() : json_.status();
    }
  }

  Status read_shape(GivenInput& input) {
    std::array<std::int64_t, Shape::kInlineRank> few;
    std::vector<std::int64_t> many;
    std::size_t rank = 0;
    if (!json_.enter_array()) return json_.status();
    while (json_.next_element()) {
      std::int64_t dim = 0;
      if (!json_.read_int(dim)) return json_.status();
      MUSTER_RETURN_IF_ERROR(check_rank(rank + 1, limits_));
      if (rank == few.size()) many.assign(few.begin(), few.end());
      if (rank < few.size()) {
        few[rank] = dim;
      } else {
        many.push_back(dim);
      }
      ++rank;
    }
    if (!json_.ok()) return json_.status();
    input.shape = rank <= few.size() ? Shape(std::span<const std::int64_t>(few.data(), rank))
                                     : Shape(std::span<const std::int64_t>(many));
    input.has_shape = true;
    return {};
  }

  Status read_data(GivenInput& input) {
    if (input.has_shape && input.type != DataType::kInvalid) return read_elements(json_, input);
    return json_.skip_value(input.data, true) ? Status() : json_.status();
  }

  static Status read_elements(JsonReader& json, GivenInput& input) {
    MUSTER_ASSIGN_OR_RETURN(const std::size_t count, element_count(input.shape));
    MUSTER_ASSIGN_OR_RETURN(input.tensor, read_json_elements(json, input.type, input.shape, count));
    return {};
  }

  // What is missing, and where the elements are.
  Status add_input(GivenInput input) {
    if (input.name.empty()) {
      return check_tensor_name("input", input.name, call_.request.inputs.size(), limits_);
    }
    if (!input.has_shape || input.type == DataType::kInvalid) {
      return in_input(input.name, invalid_argument(input.has_shape ? "it has no 'datatype'"
                                                                   : "it has no 'shape'"));
    }
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

  Status add_data(GivenInput input) {
    if (!input.tensor) {
      JsonReader later(text_, limits_.max_json_depth);
      later.resume_at(input.data.data());
      MUSTER_RETURN_IF_ERROR(in_input(input.name, read_elements(later, input)));
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
    if (is_null()) return {};
    if (!json_.enter_array()) return json_.status();
    while (json_.next_element()) {
      GivenOutput& output = outputs_.emplace_back();
      MUSTER_RETURN_IF_ERROR(check_output_count());
      if (const Status read = read_output(output); !read.ok()) {
        return read.with_context(label("output", output.name, outputs_.size() - 1));
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
        MUSTER_RETURN_IF_ERROR(
            read_parameters([&](std::string_view name, const ParameterValue& value) {
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
