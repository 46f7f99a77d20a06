// SPDX-License-Identifier: Apache-2.0
// A message as gRPC has it: bytes in slices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <grpc/slice.h>
#include <grpc/slice_buffer.h>

namespace muster::testing {

class SlicedMessage {
 public:
  // Slices of one length, with copies of the bytes.
  SlicedMessage(std::string_view bytes, std::size_t length) {
    grpc_slice_buffer_init(&slices_);
    for (; !bytes.empty(); bytes.remove_prefix(std::min(length, bytes.size()))) {
      // Added by index, as otherwise small ones are laid together.
      grpc_slice_buffer_add_indexed(
          &slices_, grpc_slice_from_copied_buffer(bytes.data(), std::min(length, bytes.size())));
    }
  }
  SlicedMessage(const SlicedMessage&) = delete;
  SlicedMessage& operator=(const SlicedMessage&) = delete;
  ~SlicedMessage() { grpc_slice_buffer_destroy(&slices_); }

  [[nodiscard]] const grpc_slice_buffer& slices() const noexcept { return slices_; }

 private:
  grpc_slice_buffer slices_;
};

}  // namespace muster::testing
