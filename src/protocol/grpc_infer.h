// SPDX-License-Identifier: Apache-2.0
// Inference over gRPC: the protocol's messages to an InferCall and from an InferResponse.
#pragma once

#include <memory>

#include <muster/inference.h>

#include "open_inference.pb.h"
#include "protocol/infer_call.h"

namespace muster {

// Raw tensors of the call are views into `message`, which `owner` keeps (null: the caller does,
// until the request is answered). Model and version are taken from the message.
[[nodiscard]] Result<InferCall> decode_grpc_infer(const ::inference::ModelInferRequest& message,
                                                  std::shared_ptr<const void> owner,
                                                  const DecodeContext& context);

// `reply` must be empty. Outputs go to raw_output_contents.
[[nodiscard]] Status encode_grpc_infer(const ReplyWishes& wishes, const InferResponse& response,
                                       ::inference::ModelInferResponse& reply);

}  // namespace muster
