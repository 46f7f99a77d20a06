// SPDX-License-Identifier: Apache-2.0
#include "protocol/http/infer_decoder.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

namespace muster {
namespace {

bool lies_in(std::span<const std::byte> binary, std::span<const std::byte> bytes) {
  return bytes.empty() || (std::less_equal<>()(binary.data(), bytes.data()) &&
                           std::less<>()(bytes.data(), binary.data() + binary.size()));
}

}  // namespace

Result<InferCall> InferDecoder::decode(std::shared_ptr<const RequestBody> body,
                                       std::optional<std::size_t> header_length,
                                       const DecodeContext& context) {
  if (is_repeated(*body, header_length)) {
    Result<InferCall> call = repeat(body, context);
    if (call.ok()) return call;
    // What is wrong is said below.
  }
  const RequestBody& bytes = *body;
  Result<InferCall> call = decode_http_infer(std::move(body), header_length, context);
  json_.clear();
  // The call holds the body.
  if (call.ok()) keep(*call, bytes, header_length, context);
  return call;
}

bool InferDecoder::is_repeated(const RequestBody& body,
                               std::optional<std::size_t> header_length) const noexcept {
  return !json_.empty() && header_length == header_length_ && body.size() == body_size_ &&
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
  for (const KeptTarget& target : targets_) {
    MUSTER_ASSIGN_OR_RETURN(call.wishes.outputs[target.output].target,
                            region_slice(target.place, context));
  }
  call.request.inputs.reserve(inputs_.size());
  std::span<const std::byte> binary = body->bytes().subspan(json_.size());
  for (const KeptInput& input : inputs_) {
    if (input.place) {
      MUSTER_RETURN_IF_ERROR(add_from_region(input.head, *input.place, context, call.request));
      continue;
    }
    MUSTER_RETURN_IF_ERROR(
        add_view(InputHead(input.head), binary.first(input.bytes), call.request));
    binary = binary.subspan(input.bytes);
  }
  call.request.keep(std::move(body));
  return call;
}

void InferDecoder::keep(const InferCall& call, const RequestBody& body,
                        std::optional<std::size_t> header_length, const DecodeContext& context) {
  const InferRequest& request = call.request;
  const std::size_t length = header_length.value_or(body.size());
  if (length > kMaxKeptBytes || !keep_inputs(request, body.bytes().subspan(length))) return;
  keep_wishes(call.wishes);
  id_ = request.id;
  outputs_ = request.outputs;
  priority_ = request.priority;
  timeout_.reset();
  if (request.deadline != kNoDeadline) timeout_ = request.deadline - context.now;
  body_size_ = body.size();
  header_length_ = header_length;
  json_ = body.text().substr(0, length);
}

// False where an input has bytes that are in none of the two places that a repetition looks into: a
// tensor made of JSON, or one in shared memory that was checked.
bool InferDecoder::keep_inputs(const InferRequest& request, std::span<const std::byte> binary) {
  inputs_.clear();
  for (const InferInput& input : request.inputs) {
    if (!lies_in(binary, input.tensor.bytes)) return false;
    KeptInput& kept = inputs_.emplace_back();
    kept.head = InputHead{input.name, input.tensor.type, {}, 0};
    if (!set_shape(kept.head, input.tensor.shape).ok()) return false;
    kept.bytes = input.tensor.bytes.size();
    kept.place = place_of(input);
  }
  return true;
}

void InferDecoder::keep_wishes(const ReplyWishes& wishes) {
  wishes_ = wishes;
  targets_.clear();
  for (std::size_t i = 0; i < wishes_.outputs.size(); ++i) {
    OutputWish& wish = wishes_.outputs[i];
    if (!wish.target) continue;
    targets_.push_back({i, {wish.region, wish.region_offset, wish.target->size(), true, true}});
    wish.target.reset();
  }
}

}  // namespace muster
