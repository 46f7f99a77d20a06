// SPDX-License-Identifier: Apache-2.0
// The bytes of a slice of gRPC's core.
#pragma once

#include <string_view>

#include <grpc/slice.h>

namespace muster {

// Where the slice is so small that it has its bytes inside, a view of the slice itself.
[[nodiscard]] inline std::string_view text_of(const grpc_slice& slice) noexcept {
  return {reinterpret_cast<const char*>(GRPC_SLICE_START_PTR(slice)), GRPC_SLICE_LENGTH(slice)};
}

}  // namespace muster
