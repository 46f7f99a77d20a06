// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/held_message.h"

#include <utility>

#include "frontend/grpc/calls/inflation.h"
#include "frontend/grpc/calls/slice_text.h"

namespace muster {

Status HeldMessage::take(const grpc_slice_buffer& slices, bool compressed,
                         std::size_t max_inflated) {
  clear();
  if (compressed) {
    MUSTER_RETURN_IF_ERROR(inflate_slices(slices, max_inflated, copy_));
  } else if (slices.count == 1 && slices.length >= kHeldFrom) {
    slice_ = grpc_slice_ref(slices.slices[0]);
    bytes_ = text_of(slice_);
    return {};
  } else {
    copy_.reserve(slices.length);
    for (std::size_t index = 0; index < slices.count; ++index)
      copy_ += text_of(slices.slices[index]);
  }
  bytes_ = copy_;
  return {};
}

void HeldMessage::clear() noexcept {
  bytes_ = {};
  if (slice_.refcount != nullptr) grpc_slice_unref(std::exchange(slice_, grpc_empty_slice()));
  if (copy_.capacity() > kMaxKeptBytes) {
    copy_ = std::string();
  } else {
    copy_.clear();
  }
}

}  // namespace muster
