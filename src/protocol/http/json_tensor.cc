// SPDX-License-Identifier: Apache-2.0
#include "protocol/http/json_tensor.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "protocol/infer_tensors.h"
#include "protocol/json/json_elements.h"
#include "protocol/json/json_keys.h"
#include "tensor/float_elements.h"

namespace muster {
namespace {

bool read_number_value(JsonReader& json, ParameterValue& value) {
  std::string_view token;
  bool integer = false;
  if (!json.read_number(token, integer)) return false;
  const char* const end = token.data() + token.size();
  const auto reads = [&](auto& number) {
    return std::from_chars(token.data(), end, number).ec == std::errc();
  };
  if (integer && (reads(value.emplace<std::int64_t>()) || reads(value.emplace<std::uint64_t>())))
    return true;
  (void)reads(value.emplace<double>());  // none of ours is one: only its kind matters
  return true;
}

Status read_shape(JsonReader& json, const ProtocolLimits& limits, JsonTensor& tensor) {
  std::array<std::int64_t, Shape::kInlineRank> few;
  std::vector<std::int64_t> many;
  std::size_t rank = 0;
  if (!json.enter_array()) return json.status();
  while (json.next_element()) {
    std::int64_t dim = 0;
    if (!json.read_int(dim)) return json.status();
    MUSTER_RETURN_IF_ERROR(check_rank(rank + 1, limits));
    if (rank == few.size()) many.assign(few.begin(), few.end());
    if (rank < few.size()) {
      few[rank] = dim;
    } else {
      many.push_back(dim);
    }
    ++rank;
  }
  if (!json.ok()) return json.status();
  tensor.shape = rank <= few.size() ? Shape(std::span<const std::int64_t>(few.data(), rank))
                                    : Shape(std::span<const std::int64_t>(many));
  tensor.has_shape = true;
  return {};
}

// From numbers of a wider type.
Result<Tensor> read_narrow_floats(JsonReader& json, const JsonTensor& tensor, std::size_t count) {
  MUSTER_ASSIGN_OR_RETURN(const Tensor wide,
                          read_json_elements(json, DataType::kFp64, tensor.shape, count));
  MUSTER_ASSIGN_OR_RETURN(Tensor narrow, Tensor::allocate(tensor.type, tensor.shape));
  std::byte* at = narrow.bytes().data();
  for (const double value : wide.elements<double>()) {
    store_float(tensor.type, value, at);
    at += element_size(tensor.type);
  }
  return narrow;
}

Status read_elements(JsonReader& json, JsonTensor& tensor) {
  MUSTER_ASSIGN_OR_RETURN(const std::size_t count, element_count(tensor.shape));
  const bool narrow = tensor.type == DataType::kFp16 || tensor.type == DataType::kBf16;
  if (narrow && tensor.takes_narrow_floats) {
    MUSTER_ASSIGN_OR_RETURN(tensor.tensor, read_narrow_floats(json, tensor, count));
    return {};
  }
  MUSTER_ASSIGN_OR_RETURN(tensor.tensor,
                          read_json_elements(json, tensor.type, tensor.shape, count));
  return {};
}

Status read_data(JsonReader& json, JsonTensor& tensor) {
  if (tensor.has_shape && tensor.type != DataType::kInvalid) return read_elements(json, tensor);
  return json.skip_value(tensor.data, true) ? Status() : json.status();
}

Status read_field(JsonReader& json, std::size_t place, std::string_view kind, std::size_t index,
                  const ProtocolLimits& limits, JsonTensor& tensor) {
  std::string_view text;
  switch (place) {
    case 1:
      if (!json.read_string(text)) return json.status();
      MUSTER_RETURN_IF_ERROR(check_tensor_name(kind, text, index, limits));
      tensor.name = text;
      return {};
    case 2:
      return read_shape(json, limits, tensor);
    case 3: {
      if (!json.read_string(text)) return json.status();
      MUSTER_ASSIGN_OR_RETURN(tensor.type, read_datatype(text));
      return {};
    }
    case 4:
      return read_json_parameters(json, limits,
                                  [&](std::string_view name, const ParameterValue& value) {
                                    return apply_input_parameter(name, value, tensor.parameters);
                                  });
    case 5:
      return read_data(json, tensor);
    default:
      return json.skip_value() ? Status() : json.status();
  }
}

}  // namespace

bool read_parameter_value(JsonReader& json, ParameterValue& value) {
  switch (json.next_kind()) {
    case JsonKind::kBool:
      return json.read_bool(value.emplace<bool>());
    case JsonKind::kString:
      return json.read_string(value.emplace<std::string_view>());
    case JsonKind::kNumber:
      return read_number_value(json, value);
    default:
      return json.skip_value();
  }
}

Status read_json_tensor(JsonReader& json, std::string_view kind, std::size_t index,
                        const ProtocolLimits& limits, JsonTensor& tensor) {
  static constexpr std::array<std::string_view, 5> kKeys = {"name", "shape", "datatype",
                                                            "parameters", "data"};
  KnownKeys<kKeys.size()> keys(kKeys);
  std::string_view key;
  if (!json.enter_object()) return json.status();
  while (json.next_field(key)) {
    MUSTER_ASSIGN_OR_RETURN(const std::size_t place, keys.place_of(key));
    MUSTER_RETURN_IF_ERROR(read_field(json, place, kind, index, limits, tensor));
  }
  return json.status();
}

Status read_kept_data(JsonReader again, JsonTensor& tensor) {
  again.resume_at(tensor.data.data());
  return read_elements(again, tensor);
}

Status check_json_tensor(const JsonTensor& tensor, std::string_view kind, std::size_t index,
                         const ProtocolLimits& limits) {
  if (tensor.name.empty()) return check_tensor_name(kind, tensor.name, index, limits);
  if (tensor.has_shape && tensor.type != DataType::kInvalid) return {};
  return invalid_argument(tensor.has_shape ? "it has no 'datatype'" : "it has no 'shape'")
      .with_context(tensor_label(kind, tensor.name, index));
}

}  // namespace muster
