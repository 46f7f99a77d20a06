// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/grpc_infer.h"

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "protocol/grpc/typed_tensors.h"
#include "protocol/infer_parameters.h"
#include "protocol/infer_tensors.h"

namespace muster {
namespace {

template <typename Apply>
Status apply_all(std::span<const InferMessage::Parameter> parameters, const ProtocolLimits& limits,
                 const Apply& apply) {
  std::size_t index = 0;
  for (const auto& [name, value] : parameters) {
    MUSTER_RETURN_IF_ERROR(admit_parameter(index++, name, limits));
    MUSTER_RETURN_IF_ERROR(apply(name, value));
  }
  return {};
}

class GrpcInferDecoder {
 public:
  GrpcInferDecoder(const InferMessage& message, const DecodeContext& context,
                   InferCall& call) noexcept
      : message_(message), context_(context), limits_(*context.limits), call_(call) {}

  Status decode() {
    MUSTER_RETURN_IF_ERROR(read_head());
    call_.request.inputs.reserve(message_.inputs().size());
    for (const InferMessage::Input& input : message_.inputs())
      MUSTER_RETURN_IF_ERROR(add_input(input));
    if (raw_taken_ != raw_.size()) {
      return invalid_argument("raw_input_contents has " + std::to_string(raw_.size()) +
                              " entries, " + std::to_string(raw_taken_) +
                              " inputs have no other elements");
    }
    MUSTER_RETURN_IF_ERROR(
        check_given_once("input", "is given twice", call_.request.inputs,
                         [](const InferInput& input) { return std::string_view(input.name); }));
    for (const InferMessage::Output& output : message_.outputs())
      MUSTER_RETURN_IF_ERROR(read_output(output));
    return check_outputs(call_);
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

  Status add_input(const InferMessage::Input& given) {
    InputHead head;
    InputParameters parameters;
    if (const Status status = read_input(given, head, parameters); !status.ok()) {
      return in_input(given.name, status);
    }
    const bool typed = given.contents.count() > 0;
    const RegionPlace& region = parameters.region;
    if (typed && (region.named || !raw_.empty())) {
      return in_input(given.name,
                      invalid_argument("contents, raw_input_contents and shared_memory_region "
                                       "exclude each other"));
    }
    if (region.named) return add_from_region(std::move(head), region, context_, call_.request);
    if (!raw_.empty()) return add_raw(std::move(head));
    return add_typed(std::move(head), given.contents, call_.request);
  }

  Status read_input(const InferMessage::Input& given, InputHead& head,
                    InputParameters& parameters) const {
    MUSTER_RETURN_IF_ERROR(
        check_tensor_name("input", given.name, call_.request.inputs.size(), limits_));
    head.name = given.name;
    MUSTER_ASSIGN_OR_RETURN(head.type, read_datatype(given.datatype));
    MUSTER_RETURN_IF_ERROR(check_rank(given.rank, limits_));
    MUSTER_RETURN_IF_ERROR(set_shape(head, Shape(message_.dims(given))));
    MUSTER_RETURN_IF_ERROR(apply_all(message_.parameters(given), limits_,
                                     [&](std::string_view name, const ParameterValue& value) {
                                       return apply_input_parameter(name, value, parameters);
                                     }));
    // A place without a region is at fault.
    return parameters.region.named ? Status() : region_slice(parameters.region, context_).status();
  }

  Status add_raw(InputHead&& head) {
    if (raw_taken_ == raw_.size()) {
      return in_input(head.name,
                      invalid_argument("raw_input_contents has " + std::to_string(raw_taken_) +
                                       " entries, none for this input"));
    }
    return add_view(std::move(head), std::as_bytes(std::span(raw_[raw_taken_++])), call_.request);
  }

  Status read_output(const InferMessage::Output& given) {
    OutputParameters parameters;
    const Status status = apply_all(message_.parameters(given), limits_,
                                    [&](std::string_view name, const ParameterValue& value) {
                                      return apply_output_parameter(name, value, parameters);
                                    });
    if (!status.ok()) return status.with_context("output '" + printable(given.name) + "'");
    return add_output(std::string(given.name), std::move(parameters), context_, call_);
  }

  const InferMessage& message_;
  const DecodeContext& context_;
  const ProtocolLimits& limits_;
  const std::span<const std::string_view> raw_ = message_.raw_input_contents();
  std::size_t raw_taken_ = 0;
  InferCall& call_;
};

}  // namespace

Status decode_grpc_infer(const InferMessage& message, const DecodeContext& context,
                         InferCall& call) {
  return GrpcInferDecoder(message, context, call).decode();
}

}  // namespace muster
