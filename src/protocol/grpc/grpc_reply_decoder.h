// SPDX-License-Identifier: Apache-2.0
// What a server answered over gRPC, for clients: a ModelInferResponse to an InferResponse.
#pragma once

#include <string_view>

#include <muster/inference.h>

#include "protocol/infer_call.h"

namespace muster {

// Hostile until decoded. kInvalidArgument names the output; the tensors are copies.
[[nodiscard]] Result<InferResponse> decode_grpc_reply(std::string_view message,
                                                      const ProtocolLimits& limits = {});

}  // namespace muster
