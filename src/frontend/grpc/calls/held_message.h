// SPDX-License-Identifier: Apache-2.0
// HeldMessage: the bytes of one message in one piece, for as long as anybody looks at them.
//
// Where gRPC received them in one slice they stay there, and the slice is held; else they are
// copied together. A small message is copied, too: a slice may hold on to a buffer of 64 KiB that
// other messages share, which a client could make the server keep for a few bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <grpc/slice.h>
#include <grpc/slice_buffer.h>

#include <muster/status.h>

namespace muster {

class HeldMessage {
 public:
  HeldMessage() noexcept : slice_(grpc_empty_slice()) {}
  HeldMessage(const HeldMessage&) = delete;
  HeldMessage& operator=(const HeldMessage&) = delete;
  ~HeldMessage() { grpc_slice_unref(slice_); }

  // Lets go of what it had. `compressed`: by gzip or deflate, to be inflated to `max_inflated`
  // bytes at most. kInvalidArgument: damaged, cut off, over the limit. kResourceExhausted or
  // bad_alloc: no memory. The caller may let go of `slices` afterwards.
  [[nodiscard]] Status take(const grpc_slice_buffer& slices, bool compressed,
                            std::size_t max_inflated);
  // They stay where they are until the next `take` or `clear`.
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }
  // Large memory is given back.
  void clear() noexcept;

 private:
  static constexpr std::size_t kHeldFrom = 1024;
  static constexpr std::size_t kMaxKeptBytes = std::size_t{64} << 10;

  grpc_slice slice_;
  std::string copy_;
  std::string_view bytes_;  // in one of them
};

}  // namespace muster
