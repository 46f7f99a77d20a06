// SPDX-License-Identifier: Apache-2.0
// What a server answered over HTTP, for clients: the protocol's JSON, with binary tensors or
// without, to an InferResponse.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <muster/inference.h>

#include "protocol/infer_call.h"

namespace muster {

// `header_length`: of the JSON, from the header Inference-Header-Content-Length; none = all of the
// body is JSON. Hostile until decoded. kInvalidArgument names the output; the tensors are copies.
[[nodiscard]] Result<InferResponse> decode_http_reply(std::string_view body,
                                                      std::optional<std::size_t> header_length,
                                                      const ProtocolLimits& limits = {});

}  // namespace muster
