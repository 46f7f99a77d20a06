// SPDX-License-Identifier: Apache-2.0
// What must hold of every call that was decoded, by whichever transport: its tensors are what they
// say, and a response of the same tensors can be encoded and reads back.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "open_inference.pb.h"
#include "protocol/grpc/grpc_infer.h"
#include "protocol/grpc/infer_reply.h"
#include "protocol/http/http_infer.h"
#include "protocol/json/json_reader.h"

namespace muster::fuzz {

inline void check_error(const Status& status) {
  MUSTER_CHECK(!status.message().empty());
  MUSTER_CHECK(status.message().find('\n') == std::string_view::npos);
  MUSTER_CHECK(status.code() == StatusCode::kInvalidArgument ||
               status.code() == StatusCode::kUnimplemented);
}

inline void check_tensor(const TensorView& tensor) {
  if (tensor.type == DataType::kBytes) {
    MUSTER_CHECK(bytes_elements(tensor).ok());
    return;
  }
  const Result<std::size_t> size = byte_size(tensor.type, tensor.shape);
  MUSTER_CHECK(size.ok());
  MUSTER_CHECK(*size == tensor.bytes.size());
  if (tensor.type != DataType::kBool) return;
  for (const std::byte value : tensor.bytes)
    MUSTER_CHECK(value <= std::byte{1});
}

// What begins in `owner` ends in it.
inline void check_view(const TensorView& tensor, std::span<const std::byte> owner) {
  const std::byte* const at = tensor.bytes.data();
  if (at == nullptr || at < owner.data() || at >= owner.data() + owner.size()) return;
  MUSTER_CHECK(tensor.bytes.size() <= static_cast<std::size_t>(owner.data() + owner.size() - at));
}

// What an identity would answer: the inputs, under the names of `outputs` as far as there are any.
inline InferResponse echo(const InferCall& call, const std::vector<std::string>& outputs = {}) {
  InferResponse response;
  for (std::size_t i = 0; i < call.request.inputs.size(); ++i) {
    const InferInput& input = call.request.inputs[i];
    Result<Tensor> tensor =
        Tensor::copy_of(input.tensor.type, input.tensor.shape, input.tensor.bytes);
    MUSTER_CHECK(tensor.ok());
    response.outputs.push_back({i < outputs.size() ? outputs[i] : input.name, *std::move(tensor)});
  }
  return response;
}

template <typename T>
bool has_nan(const Tensor& tensor) {
  for (const T value : tensor.elements<T>()) {
    if (std::isnan(value)) return true;
  }
  return false;
}

inline bool has_nan(const Tensor& tensor) {
  if (tensor.type() == DataType::kFp32) return has_nan<float>(tensor);
  return tensor.type() == DataType::kFp64 && has_nan<double>(tensor);
}

// Sends the JSON of a reply in again, as a request.
inline void check_reads_back(const HttpInferReply& reply, const DecodeContext& context) {
  std::string json = reply.json;
  constexpr std::string_view kOutputs = R"("outputs":[)";
  json.replace(json.find(kOutputs), kOutputs.size(), R"("inputs":[)");
  auto body = std::make_shared<RequestBody>(json.size());
  MUSTER_CHECK(body->append(std::as_bytes(std::span(json))).ok());
  const Result<InferCall> again = decode_http_infer(body, std::nullopt, context);
  MUSTER_CHECK(again.ok());
  MUSTER_CHECK(again->request.inputs.size() == reply.response.outputs.size());
  for (std::size_t i = 0; i < again->request.inputs.size(); ++i) {
    const Tensor& sent = reply.response.outputs[i].tensor;
    const TensorView& got = again->request.inputs[i].tensor;
    MUSTER_CHECK(got.shape == sent.shape() && got.type == sent.type());
    MUSTER_CHECK(has_nan(sent) || std::ranges::equal(got.bytes, sent.bytes()));
  }
}

// protobuf reads the reply, and would write it in as many bytes.
inline void check_grpc_reply(const ReplyWishes& wishes, const InferResponse& response) {
  InferReply reply;
  if (const Status status = reply.prepare(wishes, response); !status.ok())
    return check_error(status);
  std::string bytes(reply.stream_size(), '\0');
  reply.write_stream(reinterpret_cast<std::uint8_t*>(bytes.data()));
  ::inference::ModelStreamInferResponse parsed;
  MUSTER_CHECK(parsed.ParseFromString(bytes));
  MUSTER_CHECK(parsed.ByteSizeLong() == bytes.size());
  const ::inference::ModelInferResponse& inner = parsed.infer_response();
  MUSTER_CHECK(inner.ByteSizeLong() == reply.size());
  MUSTER_CHECK(inner.id() == wishes.id);
  MUSTER_CHECK(static_cast<std::size_t>(inner.raw_output_contents_size()) ==
               response.outputs.size());
}

inline void check_call(const InferCall& call, const DecodeContext& context) {
  for (const InferInput& input : call.request.inputs)
    check_tensor(input.tensor);
  const InferResponse response = echo(call, call.request.outputs);
  check_grpc_reply(call.wishes, response);
  HttpInferReply reply;
  if (const Status status = encode_http_infer(call.wishes, echo(call, call.request.outputs), reply);
      !status.ok()) {
    check_error(status);
    return;
  }
  JsonReader json(reply.json, 8);
  MUSTER_CHECK(json.skip_value(true) && json.finish());
  if (encode_http_infer({}, echo(call), reply).ok()) check_reads_back(reply, context);
}

}  // namespace muster::fuzz
