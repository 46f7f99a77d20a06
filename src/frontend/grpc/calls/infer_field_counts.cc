// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/infer_field_counts.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "open_inference.pb.h"

namespace muster {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using Request = ::inference::ModelInferRequest;

Status too_many(const char* what, std::size_t limit) {
  return invalid_argument("the request has more than " + std::to_string(limit) + " " + what);
}

// Of one tensor, whose bytes are next. `whole`: all of it could be read.
Status check_tensor(CodedInputStream& in, int parameters_field, const ProtocolLimits& limits,
                    bool& whole) {
  int size = 0;
  whole = in.ReadVarintSizeAsInt(&size);
  if (!whole) return {};
  const CodedInputStream::Limit outer = in.PushLimit(size);
  std::size_t parameters = 0;
  while (const std::uint32_t tag = in.ReadTag()) {
    if (WireFormatLite::GetTagFieldNumber(tag) == parameters_field &&
        ++parameters > limits.max_parameters)
      return too_many("parameters of a tensor", limits.max_parameters);
    whole = WireFormatLite::SkipField(&in, tag);
    if (!whole) return {};
  }
  whole = in.ConsumedEntireMessage();
  in.PopLimit(outer);
  return {};
}

}  // namespace

Status check_field_counts(google::protobuf::io::ZeroCopyInputStream& message,
                          const ProtocolLimits& limits) {
  CodedInputStream in(&message);
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::size_t contents = 0;
  std::size_t parameters = 0;
  bool whole = true;
  while (const std::uint32_t tag = whole ? in.ReadTag() : 0) {
    const int field = WireFormatLite::GetTagFieldNumber(tag);
    if ((field == Request::kInputsFieldNumber && ++inputs > limits.max_tensors) ||
        (field == Request::kOutputsFieldNumber && ++outputs > limits.max_tensors) ||
        (field == Request::kRawInputContentsFieldNumber && ++contents > limits.max_tensors))
      return too_many("inputs or outputs", limits.max_tensors);
    if (field == Request::kParametersFieldNumber && ++parameters > limits.max_parameters)
      return too_many("parameters", limits.max_parameters);
    const bool nested =
        WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (nested && field == Request::kInputsFieldNumber) {
      MUSTER_RETURN_IF_ERROR(
          check_tensor(in, Request::InferInputTensor::kParametersFieldNumber, limits, whole));
    } else if (nested && field == Request::kOutputsFieldNumber) {
      MUSTER_RETURN_IF_ERROR(check_tensor(
          in, Request::InferRequestedOutputTensor::kParametersFieldNumber, limits, whole));
    } else {
      whole = WireFormatLite::SkipField(&in, tag);
    }
  }
  return {};
}

}  // namespace muster
