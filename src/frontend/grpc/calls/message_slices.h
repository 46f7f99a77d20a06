// SPDX-License-Identifier: Apache-2.0
// A message from the slices in which gRPC received it, without laying them together first.
#pragma once

#include <cstddef>

#include <google/protobuf/message_lite.h>
#include <grpc/slice_buffer.h>

#include <muster/status.h>

#include "protocol/infer_call.h"

namespace muster {

// `compressed`: by gzip or deflate, to be inflated to `max_inflated` bytes at most.
// `counted`: it is a ModelInferRequest, whose tensors and parameters are counted first; or null.
// kInvalidArgument: damaged, cut off, over the limit, no such message. May throw bad_alloc.
[[nodiscard]] Status parse_slices(const grpc_slice_buffer& slices, bool compressed,
                                  std::size_t max_inflated, const ProtocolLimits* counted,
                                  google::protobuf::MessageLite& message);

}  // namespace muster
