// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc_infer.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "protocol/infer_parameters.h"
#include "protocol/infer_tensors.h"

namespace muster {
namespace {

using Request = ::inference::ModelInferRequest;
using Contents = ::inference::InferTensorContents;

ParameterValue value_of(const ::inference::InferParameter& parameter) {
  switch (parameter.parameter_choice_case()) {
    case ::inference::InferParameter::kBoolParam:
      return parameter.bool_param();
    case ::inference::InferParameter::kInt64Param:
      return parameter.int64_param();
    case ::inference::InferParameter::kUint64Param:
      return parameter.uint64_param();
    case ::inference::InferParameter::kDoubleParam:
      return parameter.double_param();
    case ::inference::InferParameter::kStringParam:
      return std::string_view(parameter.string_param());
    default:
      return std::monostate();
  }
}

template <typename Parameters, typename Apply>
Status apply_all(const Parameters& parameters, const ProtocolLimits& limits, const Apply& apply) {
  std::size_t index = 0;
  for (const auto& [name, value] : parameters) {
    MUSTER_RETURN_IF_ERROR(admit_parameter(index++, name, limits));
    MUSTER_RETURN_IF_ERROR(apply(name, value_of(value)));
  }
  return {};
}

// The fields of typed contents, by their protocol names.
struct TypedField {
  std::string_view name;
  int size;
};

int typed_elements(const Contents& contents) {
  return contents.bool_contents_size() + contents.int_contents_size() +
         contents.int64_contents_size() + contents.uint_contents_size() +
         contents.uint64_contents_size() + contents.fp32_contents_size() +
         contents.fp64_contents_size() + contents.bytes_contents_size();
}

TypedField field_of(DataType type, const Contents& contents) {
  switch (type) {
    case DataType::kBool:
      return {"bool_contents", contents.bool_contents_size()};
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
      return {"int_contents", contents.int_contents_size()};
    case DataType::kInt64:
      return {"int64_contents", contents.int64_contents_size()};
    case DataType::kUint8:
    case DataType::kUint16:
    case DataType::kUint32:
      return {"uint_contents", contents.uint_contents_size()};
    case DataType::kUint64:
      return {"uint64_contents", contents.uint64_contents_size()};
    case DataType::kFp32:
      return {"fp32_contents", contents.fp32_contents_size()};
    case DataType::kFp64:
      return {"fp64_contents", contents.fp64_contents_size()};
    case DataType::kBytes:
      return {"bytes_contents", contents.bytes_contents_size()};
    default:
      return {"", 0};
  }
}

Status check_contents(const InputHead& head, const Contents& contents) {
  const std::string type(data_type_name(head.type));
  const TypedField field = field_of(head.type, contents);
  if (field.name.empty()) {
    return invalid_argument(type + " has no typed contents; it travels in raw_input_contents");
  }
  if (typed_elements(contents) != field.size) {
    return invalid_argument("elements of " + type + " go into " + std::string(field.name) +
                            " alone");
  }
  if (static_cast<std::size_t>(field.size) != head.elements) {
    return invalid_argument("its shape has " + std::to_string(head.elements) + " elements, " +
                            std::to_string(field.size) + " are given in " +
                            std::string(field.name));
  }
  return {};
}

template <typename T, typename Field>
Result<Tensor> narrowed(const InputHead& head, const Field& field) {
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, Tensor::allocate(head.type, head.shape));
  const std::span<T> values = tensor.elements<T>();
  for (int i = 0; i < field.size(); ++i) {
    const auto value = field.Get(i);
    if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) {
      return invalid_argument("element " + std::to_string(i) + " is " + std::to_string(value) +
                              ", which is out of the range of " +
                              std::string(data_type_name(head.type)));
    }
    values[static_cast<std::size_t>(i)] = static_cast<T>(value);
  }
  return tensor;
}

template <typename Field>
Result<Tensor> serialised(const InputHead& head, const Field& field) {
  std::vector<std::string_view> strings(field.begin(), field.end());
  return Tensor::of_strings(head.shape, strings);
}

// Those whose elements lie otherwise in the message than in a tensor.
Result<Tensor> converted(const InputHead& head, const Contents& contents) {
  switch (head.type) {
    case DataType::kInt8:
      return narrowed<std::int8_t>(head, contents.int_contents());
    case DataType::kInt16:
      return narrowed<std::int16_t>(head, contents.int_contents());
    case DataType::kUint8:
      return narrowed<std::uint8_t>(head, contents.uint_contents());
    case DataType::kUint16:
      return narrowed<std::uint16_t>(head, contents.uint_contents());
    default:
      return serialised(head, contents.bytes_contents());
  }
}

template <typename Field>
std::span<const std::byte> view_of(const Field& field) {
  return std::as_bytes(std::span(field.data(), static_cast<std::size_t>(field.size())));
}

Status add_typed(InputHead head, const Contents& contents, InferRequest& request) {
  if (const Status status = check_contents(head, contents); !status.ok()) {
    return in_input(head.name, status);
  }
  switch (head.type) {
    case DataType::kBool:
      return add_view(std::move(head), view_of(contents.bool_contents()), request);
    case DataType::kInt32:
      return add_view(std::move(head), view_of(contents.int_contents()), request);
    case DataType::kInt64:
      return add_view(std::move(head), view_of(contents.int64_contents()), request);
    case DataType::kUint32:
      return add_view(std::move(head), view_of(contents.uint_contents()), request);
    case DataType::kUint64:
      return add_view(std::move(head), view_of(contents.uint64_contents()), request);
    case DataType::kFp32:
      return add_view(std::move(head), view_of(contents.fp32_contents()), request);
    case DataType::kFp64:
      return add_view(std::move(head), view_of(contents.fp64_contents()), request);
    default:
      break;
  }
  auto tensor = converted(head, contents);
  if (!tensor.ok()) return in_input(head.name, tensor.status());
  request.add_input(std::move(head.name), *std::move(tensor));
  return {};
}

class GrpcInferDecoder {
 public:
  GrpcInferDecoder(const Request& message, const DecodeContext& context) noexcept
      : message_(message), context_(context), limits_(*context.limits) {}

  Result<InferCall> decode() {
    MUSTER_RETURN_IF_ERROR(read_head());
    for (const auto& input : message_.inputs())
      MUSTER_RETURN_IF_ERROR(add_input(input));
    if (raw_taken_ != message_.raw_input_contents_size()) {
      return invalid_argument("raw_input_contents has " +
                              std::to_string(message_.raw_input_contents_size()) + " entries, " +
                              std::to_string(raw_taken_) + " inputs have no other elements");
    }
    MUSTER_RETURN_IF_ERROR(
        check_given_once("input", "is given twice", call_.request.inputs,
                         [](const InferInput& input) { return std::string_view(input.name); }));
    for (const auto& output : message_.outputs())
      MUSTER_RETURN_IF_ERROR(read_output(output));
    MUSTER_RETURN_IF_ERROR(check_outputs(call_));
    return std::move(call_);
  }

 private:
  Status read_head() {
    call_.request.model = message_.model_name();
    MUSTER_ASSIGN_OR_RETURN(call_.request.version, parse_model_version(message_.model_version()));
    MUSTER_RETURN_IF_ERROR(check_id(message_.id(), limits_));
    call_.request.id = message_.id();
    call_.wishes.id = message_.id();
    return apply_all(message_.parameters(), limits_,
                     [&](std::string_view name, const ParameterValue& value) {
                       return apply_request_parameter(name, value, context_, call_);
                     });
  }

  Status add_input(const Request::InferInputTensor& given) {
    InputHead head;
    InputParameters parameters;
    if (const Status status = read_input(given, head, parameters); !status.ok()) {
      return in_input(given.name(), status);
    }
    const bool typed = given.has_contents() && typed_elements(given.contents()) > 0;
    const RegionPlace& region = parameters.region;
    if (typed && (region.named || message_.raw_input_contents_size() > 0)) {
      return in_input(given.name(),
                      invalid_argument("contents, raw_input_contents and shared_memory_region "
                                       "exclude each other"));
    }
    if (region.named) return add_from_region(std::move(head), region, context_, call_.request);
    if (message_.raw_input_contents_size() > 0) return add_raw(std::move(head));
    return add_typed(std::move(head), given.contents(), call_.request);
  }

  Status read_input(const Request::InferInputTensor& given, InputHead& head,
                    InputParameters& parameters) const {
    MUSTER_RETURN_IF_ERROR(
        check_tensor_name("input", given.name(), call_.request.inputs.size(), limits_));
    head.name = given.name();
    MUSTER_ASSIGN_OR_RETURN(head.type, read_datatype(given.datatype()));
    const auto rank = static_cast<std::size_t>(given.shape_size());
    MUSTER_RETURN_IF_ERROR(check_rank(rank, limits_));
    MUSTER_RETURN_IF_ERROR(
        set_shape(head, Shape(std::span<const std::int64_t>(given.shape().data(), rank))));
    MUSTER_RETURN_IF_ERROR(apply_all(given.parameters(), limits_,
                                     [&](std::string_view name, const ParameterValue& value) {
                                       return apply_input_parameter(name, value, parameters);
                                     }));
    // A place without a region is at fault.
    return parameters.region.named ? Status() : region_slice(parameters.region, context_).status();
  }

  Status add_raw(InputHead head) {
    if (raw_taken_ == message_.raw_input_contents_size()) {
      return in_input(head.name,
                      invalid_argument("raw_input_contents has " + std::to_string(raw_taken_) +
                                       " entries, none for this input"));
    }
    const std::string& bytes = message_.raw_input_contents(raw_taken_++);
    return add_view(std::move(head), std::as_bytes(std::span(bytes)), call_.request);
  }

  Status read_output(const Request::InferRequestedOutputTensor& given) {
    OutputParameters parameters;
    const Status status = apply_all(given.parameters(), limits_,
                                    [&](std::string_view name, const ParameterValue& value) {
                                      return apply_output_parameter(name, value, parameters);
                                    });
    if (!status.ok()) return status.with_context("output '" + printable(given.name()) + "'");
    return add_output(given.name(), std::move(parameters), context_, call_);
  }

  const Request& message_;
  const DecodeContext& context_;
  const ProtocolLimits& limits_;
  int raw_taken_ = 0;
  InferCall call_;
};

}  // namespace

Result<InferCall> decode_grpc_infer(const Request& message, std::shared_ptr<const void> owner,
                                    const DecodeContext& context) {
  MUSTER_ASSIGN_OR_RETURN(InferCall call, GrpcInferDecoder(message, context).decode());
  if (owner != nullptr) call.request.keep(std::move(owner));
  return call;
}

}  // namespace muster
