// SPDX-License-Identifier: Apache-2.0
// Inference over HTTP: the JSON of the Open Inference Protocol with its binary tensor extension, to
// an InferCall and from an InferResponse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <muster/inference.h>

#include "protocol/infer_call.h"
#include "protocol/request_body.h"

namespace muster {

// `header_length`: of the JSON, from the header Inference-Header-Content-Length; none = all of the
// body is JSON. Binary tensors of the call are views into the body, which the request then keeps.
// Model and version are left to the caller, who has them from the path.
[[nodiscard]] Result<InferCall> decode_http_infer(std::shared_ptr<const RequestBody> body,
                                                  std::optional<std::size_t> header_length,
                                                  const DecodeContext& context);

// Header length 0: the body is the raw tensor of the model's only input, as a batch of one.
[[nodiscard]] Result<InferCall> decode_raw_infer(std::shared_ptr<const RequestBody> body,
                                                 const ModelDescription& model,
                                                 const DecodeContext& context);

// The body of a reply: the JSON, then `parts`, which are views into `response` and `made`.
struct HttpInferReply {
  std::string json;
  std::vector<std::span<const std::byte>> parts;
  bool binary =
      false;  // some output lies in `parts`: Inference-Header-Content-Length is json.size()
  InferResponse response;
  std::vector<Tensor> made;  // classification results

  [[nodiscard]] std::size_t size() const noexcept;  // of the whole body
};

// kInvalidArgument where a wish cannot be had of this response: too small a region, a
// classification of BYTES. `reply` may be one that was used before: its memory is reused.
[[nodiscard]] Status encode_http_infer(const ReplyWishes& wishes, InferResponse response,
                                       HttpInferReply& reply);

}  // namespace muster
