// SPDX-License-Identifier: Apache-2.0
#include "protocol/http/infer_decoder.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

namespace muster {
namespace {

// Whether all that the call has comes from the JSON and the bytes behind it: nothing from shared
// memory, whose regions change, and no tensor that is made of JSON.
bool is_self_contained(const InferCall& call, std::span<const std::byte> binary) {
  const auto lies_in_binary = [binary](const InferInput& input) {
    const std::span<const std::byte> bytes = input.tensor.bytes;
    return bytes.empty() || (std::less_equal<>()(binary.data(), bytes.data()) &&
                             std::less<>()(bytes.data(), binary.data() + binary.size()));
  };
  const auto has_target = [](const OutputWish& wish) { return wish.target.has_value(); };
  return std::ranges::all_of(call.request.inputs, lies_in_binary) &&
         std::ranges::none_of(call.wishes.outputs, has_target);
}

}  // namespace

Result<InferCall> InferDecoder::decode(std::shared_ptr<const RequestBody> body,
                                       std::optional<std::size_t> header_length,
                                       const DecodeContext& context) {
  if (!header_length) return decode_http_infer(std::move(body), header_length, context);
  if (is_repeated(*body, *header_length)) return repeat(std::move(body), context);
  const RequestBody& bytes = *body;
  Result<InferCall> call = decode_http_infer(std::move(body), header_length, context);
  json_.clear();
  // The call holds the body.
  if (call.ok() && *header_length <= kMaxKeptBytes) keep(*call, bytes, *header_length, context);
  return call;
}

bool InferDecoder::is_repeated(const RequestBody& body, std::size_t header_length) const noexcept {
  return !json_.empty() && header_length == json_.size() && body.size() == body_size_ &&
         body.text().starts_with(json_);
}

Result<InferCall> InferDecoder::repeat(std::shared_ptr<const RequestBody> body,
                                       const DecodeContext& context) const {
  InferCall call;
  call.request.id = id_;
  call.request.outputs = outputs_;
  call.request.priority = priority_;
  if (timeout_) call.request.deadline = context.now + *timeout_;
  call.wishes = wishes_;
  call.request.inputs.reserve(inputs_.size());
  std::span<const std::byte> binary = body->bytes().subspan(json_.size());
  for (const BinaryInput& input : inputs_) {
    MUSTER_RETURN_IF_ERROR(
        add_view(InputHead(input.head), binary.first(input.bytes), call.request));
    binary = binary.subspan(input.bytes);
  }
  call.request.keep(std::move(body));
  return call;
}

void InferDecoder::keep(const InferCall& call, const RequestBody& body, std::size_t header_length,
                        const DecodeContext& context) {
  const InferRequest& request = call.request;
  if (!is_self_contained(call, body.bytes().subspan(header_length))) return;
  inputs_.clear();
  for (const InferInput& input : request.inputs) {
    InputHead head{input.name, input.tensor.type, {}, 0};
    if (!set_shape(head, input.tensor.shape).ok()) return;
    inputs_.push_back({std::move(head), input.tensor.bytes.size()});
  }
  id_ = request.id;
  outputs_ = request.outputs;
  priority_ = request.priority;
  timeout_.reset();
  if (request.deadline != kNoDeadline) timeout_ = request.deadline - context.now;
  wishes_ = call.wishes;
  body_size_ = body.size();
  json_ = body.text().substr(0, header_length);
}

}  // namespace muster
