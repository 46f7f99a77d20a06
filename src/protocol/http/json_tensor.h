// SPDX-License-Identifier: Apache-2.0
// A tensor as an object of the protocol's JSON: of a request's `inputs`, or of a reply's `outputs`.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <muster/tensor.h>

#include "protocol/infer_call.h"
#include "protocol/infer_parameters.h"
#include "protocol/json/json_reader.h"

namespace muster {

// What the object says, in whatever order it says it.
struct JsonTensor {
  // FP16 and BF16 have no JSON in the protocol, and some servers write their numbers all the same.
  bool takes_narrow_floats = false;
  std::string name;
  bool has_shape = false;
  DataType type = DataType::kInvalid;
  Shape shape;
  InputParameters parameters;
  std::string_view data;  // its JSON, kept for later: it came before type or shape
  std::optional<Tensor> tensor;
};

// `kind`: "input" or "output"; `index` of them came before it. Errors do not name the tensor.
[[nodiscard]] Status read_json_tensor(JsonReader& json, std::string_view kind, std::size_t index,
                                      const ProtocolLimits& limits, JsonTensor& tensor);
// The elements of `data`, now that the rest is known, by another reader of the same text.
[[nodiscard]] Status read_kept_data(JsonReader again, JsonTensor& tensor);
// Whether all is there behind which no elements can be: a name, a type, a shape. Errors name the
// tensor.
[[nodiscard]] Status check_json_tensor(const JsonTensor& tensor, std::string_view kind,
                                       std::size_t index, const ProtocolLimits& limits);

// Clients that always write every key of their own types write null where there is nothing.
[[nodiscard]] inline bool take_null(JsonReader& json) {
  return json.next_kind() == JsonKind::kNull && json.read_null();
}
[[nodiscard]] bool read_parameter_value(JsonReader& json, ParameterValue& value);

// `apply(name, value)` for each of an object of parameters.
template <typename Apply>
[[nodiscard]] Status read_json_parameters(JsonReader& json, const ProtocolLimits& limits,
                                          const Apply& apply) {
  std::string_view name;
  std::size_t index = 0;
  if (take_null(json)) return {};
  if (!json.enter_object()) return json.status();
  while (json.next_field(name)) {
    MUSTER_RETURN_IF_ERROR(admit_parameter(index++, name, limits));
    ParameterValue value;
    if (!read_parameter_value(json, value)) return json.status();
    MUSTER_RETURN_IF_ERROR(apply(name, value));
  }
  return json.status();
}

}  // namespace muster
