// SPDX-License-Identifier: Apache-2.0
// A second opinion on inference over gRPC: what protobuf's own parser makes of the same bytes. Each
// function tells the first difference, "" where there is none.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "open_inference.pb.h"
#include "protocol/grpc/infer_message.h"

namespace muster::testing {

inline bool is_same(const ParameterValue& value, const ::inference::InferParameter& parsed) {
  switch (parsed.parameter_choice_case()) {
    case ::inference::InferParameter::kBoolParam:
      return value == ParameterValue(parsed.bool_param());
    case ::inference::InferParameter::kInt64Param:
      return value == ParameterValue(std::int64_t{parsed.int64_param()});
    case ::inference::InferParameter::kUint64Param:
      return value == ParameterValue(std::uint64_t{parsed.uint64_param()});
    case ::inference::InferParameter::kDoubleParam: {
      const auto* number = std::get_if<double>(&value);
      // NaN is the same as itself here.
      return number != nullptr && std::bit_cast<std::uint64_t>(*number) ==
                                      std::bit_cast<std::uint64_t>(parsed.double_param());
    }
    case ::inference::InferParameter::kStringParam:
      return value == ParameterValue(std::string_view(parsed.string_param()));
    default:
      return value == ParameterValue();
  }
}

template <typename Map>
bool are_same(std::span<const InferMessage::Parameter> parameters, const Map& parsed) {
  return parameters.size() == parsed.size() &&
         std::ranges::all_of(parameters, [&](const InferMessage::Parameter& parameter) {
           const auto found = parsed.find(std::string(parameter.name));
           return found != parsed.end() && is_same(parameter.value, found->second);
         });
}

inline bool have_same_counts(const TypedContents& contents,
                             const ::inference::InferTensorContents& parsed) {
  using Message = ::inference::InferTensorContents;
  const auto is_count = [&](int field, int size) {
    return contents.count(field) == static_cast<std::size_t>(size);
  };
  return is_count(Message::kBoolContentsFieldNumber, parsed.bool_contents_size()) &&
         is_count(Message::kIntContentsFieldNumber, parsed.int_contents_size()) &&
         is_count(Message::kInt64ContentsFieldNumber, parsed.int64_contents_size()) &&
         is_count(Message::kUintContentsFieldNumber, parsed.uint_contents_size()) &&
         is_count(Message::kUint64ContentsFieldNumber, parsed.uint64_contents_size()) &&
         is_count(Message::kFp32ContentsFieldNumber, parsed.fp32_contents_size()) &&
         is_count(Message::kFp64ContentsFieldNumber, parsed.fp64_contents_size()) &&
         is_count(Message::kBytesContentsFieldNumber, parsed.bytes_contents_size());
}

inline std::string difference(const InferMessage& message,
                              const ::inference::ModelInferRequest& parsed) {
  if (message.model_name() != parsed.model_name()) return "model_name";
  if (message.model_version() != parsed.model_version()) return "model_version";
  if (message.id() != parsed.id()) return "id";
  if (!are_same(message.parameters(), parsed.parameters())) return "parameters";
  if (!std::ranges::equal(message.raw_input_contents(), parsed.raw_input_contents()))
    return "raw_input_contents";
  const auto is_same_input = [&](const InferMessage::Input& input, const auto& other) {
    const auto most = static_cast<std::ptrdiff_t>(message.dims(input).size());
    return input.name == other.name() && input.datatype == other.datatype() &&
           input.rank == static_cast<std::size_t>(other.shape_size()) &&
           std::equal(other.shape().begin(), other.shape().begin() + most,
                      message.dims(input).begin()) &&
           are_same(message.parameters(input), other.parameters()) &&
           have_same_counts(input.contents, other.contents());
  };
  if (!std::ranges::equal(message.inputs(), parsed.inputs(), is_same_input)) return "inputs";
  const auto is_same_output = [&](const InferMessage::Output& output, const auto& other) {
    return output.name == other.name() && are_same(message.parameters(output), other.parameters());
  };
  if (!std::ranges::equal(message.outputs(), parsed.outputs(), is_same_output)) return "outputs";
  return "";
}

template <typename T, typename Numbers>
std::string bytes_of(const Numbers& numbers) {
  std::string bytes;
  for (const auto number : numbers) {
    const auto element = static_cast<T>(number);
    bytes.append(reinterpret_cast<const char*>(&element), sizeof(element));
  }
  return bytes;
}

// As they lie in a tensor.
inline std::string elements_of(DataType type, const ::inference::InferTensorContents& parsed) {
  switch (type) {
    case DataType::kBool:
      return bytes_of<std::uint8_t>(parsed.bool_contents());
    case DataType::kInt8:
      return bytes_of<std::int8_t>(parsed.int_contents());
    case DataType::kInt16:
      return bytes_of<std::int16_t>(parsed.int_contents());
    case DataType::kInt32:
      return bytes_of<std::int32_t>(parsed.int_contents());
    case DataType::kInt64:
      return bytes_of<std::int64_t>(parsed.int64_contents());
    case DataType::kUint8:
      return bytes_of<std::uint8_t>(parsed.uint_contents());
    case DataType::kUint16:
      return bytes_of<std::uint16_t>(parsed.uint_contents());
    case DataType::kUint32:
      return bytes_of<std::uint32_t>(parsed.uint_contents());
    case DataType::kUint64:
      return bytes_of<std::uint64_t>(parsed.uint64_contents());
    case DataType::kFp32:
      return bytes_of<float>(parsed.fp32_contents());
    case DataType::kFp64:
      return bytes_of<double>(parsed.fp64_contents());
    default:
      break;
  }
  std::string bytes;
  for (const std::string& text : parsed.bytes_contents()) {
    const auto length = static_cast<std::uint32_t>(text.size());
    bytes.append(reinterpret_cast<const char*>(&length), sizeof(length));
    bytes += text;
  }
  return bytes;
}

// Without tensors in shared memory.
inline std::string difference(const InferCall& call, const ::inference::ModelInferRequest& parsed) {
  if (call.request.model != parsed.model_name()) return "model";
  const Result<std::int64_t> version = parse_model_version(parsed.model_version());
  if (!version.ok() || call.request.version != *version) return "version";
  if (call.request.id != parsed.id() || call.wishes.id != parsed.id()) return "id";
  int index = 0;
  const auto is_same_input = [&](const InferInput& input, const auto& other) {
    const TensorView& tensor = input.tensor;
    const std::string_view given(reinterpret_cast<const char*>(tensor.bytes.data()),
                                 tensor.bytes.size());
    const bool is_raw = parsed.raw_input_contents_size() > 0;
    return input.name == other.name() && data_type_name(tensor.type) == other.datatype() &&
           std::ranges::equal(tensor.shape.dims(), other.shape()) &&
           given == (is_raw ? parsed.raw_input_contents(index++)
                            : elements_of(tensor.type, other.contents()));
  };
  if (!std::ranges::equal(call.request.inputs, parsed.inputs(), is_same_input)) return "inputs";
  const auto is_same_output = [](const std::string& name, const auto& other) {
    return name == other.name();
  };
  if (!std::ranges::equal(call.request.outputs, parsed.outputs(), is_same_output)) return "outputs";
  return "";
}

}  // namespace muster::testing
