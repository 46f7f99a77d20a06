// SPDX-License-Identifier: Apache-2.0
// Inference over gRPC: the protocol's message to an InferCall.
#pragma once

#include <muster/inference.h>

#include "protocol/grpc/infer_message.h"
#include "protocol/infer_call.h"

namespace muster {

// `call` is empty. Its tensors may be views into the message's bytes, which the caller keeps until
// the request is answered; nothing else is. Model and version are taken from the message.
[[nodiscard]] Status decode_grpc_infer(const InferMessage& message, const DecodeContext& context,
                                       InferCall& call);

}  // namespace muster
