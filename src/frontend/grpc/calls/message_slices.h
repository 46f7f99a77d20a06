// SPDX-License-Identifier: Apache-2.0
// A message from the slices in which gRPC received it, without laying them together first.
#pragma once

#include <cstddef>

#include <google/protobuf/message_lite.h>
#include <grpc/slice_buffer.h>

#include <muster/status.h>

namespace muster {

// `compressed`: by gzip or deflate, to be inflated to `max_inflated` bytes at most.
// kInvalidArgument: damaged, cut off, over the limit, no such message. May throw bad_alloc.
[[nodiscard]] Status parse_slices(const grpc_slice_buffer& slices, bool compressed,
                                  std::size_t max_inflated, google::protobuf::MessageLite& message);

}  // namespace muster
