// SPDX-License-Identifier: Apache-2.0
// A compressed message, inflated up to a limit.
#pragma once

#include <cstddef>
#include <string>

#include <grpc/slice_buffer.h>

#include <muster/status.h>

namespace muster {

// By gzip or deflate; `out` is at most `max_inflated` bytes then. kInvalidArgument: damaged, cut
// off, over the limit. kResourceExhausted or bad_alloc: no memory.
[[nodiscard]] Status inflate_slices(const grpc_slice_buffer& slices, std::size_t max_inflated,
                                    std::string& out);

}  // namespace muster
