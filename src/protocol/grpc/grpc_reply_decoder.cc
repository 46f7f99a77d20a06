// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/grpc_reply_decoder.h"

#include <span>
#include <string>
#include <utility>

#include "base/text.h"
#include "protocol/grpc/infer_message.h"
#include "protocol/grpc/typed_tensors.h"
#include "protocol/infer_tensors.h"

namespace muster {
namespace {

class GrpcReplyDecoder {
 public:
  GrpcReplyDecoder(const InferMessage& message, const ProtocolLimits& limits) noexcept
      : message_(message), limits_(limits) {}

  Result<InferResponse> decode() {
    MUSTER_RETURN_IF_ERROR(check_id(message_.id(), limits_));
    response_.id = message_.id();
    for (const InferMessage::Input& output : message_.inputs()) {
      if (const Status added = add(output); !added.ok())
        return added.with_context(tensor_label("output", output.name, response_.outputs.size()));
    }
    if (raw_taken_ != raw_.size()) {
      return invalid_argument("raw_output_contents has " + std::to_string(raw_.size()) +
                              " entries for " + std::to_string(raw_taken_) + " outputs");
    }
    MUSTER_RETURN_IF_ERROR(
        check_given_once("output", "is given twice", response_.outputs,
                         [](const InferOutput& output) { return std::string_view(output.name); }));
    return std::move(response_);
  }

 private:
  Status add(const InferMessage::Input& given) {
    InputHead head;
    MUSTER_RETURN_IF_ERROR(
        check_tensor_name("output", given.name, response_.outputs.size(), limits_));
    head.name = given.name;
    MUSTER_ASSIGN_OR_RETURN(head.type, read_datatype(given.datatype));
    MUSTER_RETURN_IF_ERROR(check_rank(given.rank, limits_));
    MUSTER_RETURN_IF_ERROR(set_shape(head, Shape(message_.dims(given))));
    MUSTER_ASSIGN_OR_RETURN(Tensor tensor, elements_of(head, given.contents));
    response_.outputs.push_back({std::move(head.name), std::move(tensor)});
    return {};
  }

  // Raw where anything is, else by type.
  Result<Tensor> elements_of(const InputHead& head, const TypedContents& contents) {
    if (raw_.empty()) return typed_tensor(head, contents);
    if (contents.count() > 0)
      return invalid_argument("contents and raw_output_contents exclude each other");
    if (raw_taken_ == raw_.size()) {
      return invalid_argument("raw_output_contents has " + std::to_string(raw_taken_) +
                              " entries, none for this output");
    }
    return copied_tensor(head, std::as_bytes(std::span(raw_[raw_taken_++])));
  }

  const InferMessage& message_;
  const ProtocolLimits& limits_;
  const std::span<const std::string_view> raw_ = message_.raw_input_contents();
  std::size_t raw_taken_ = 0;
  InferResponse response_;
};

}  // namespace

Result<InferResponse> decode_grpc_reply(std::string_view message, const ProtocolLimits& limits) {
  InferMessage read;
  MUSTER_RETURN_IF_ERROR(read.read_reply(message, limits));
  return GrpcReplyDecoder(read, limits).decode();
}

}  // namespace muster
