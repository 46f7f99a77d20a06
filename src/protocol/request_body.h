// SPDX-License-Identifier: Apache-2.0
// RequestBody: the bytes of one HTTP request's body, in one piece.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <muster/status.h>

#include "base/memory/byte_memory.h"

namespace muster {

// Grows up to a limit. Tensors that were decoded from it are views into it, so it must stay as it
// is from then on; requests keep it alive by a shared_ptr.
class RequestBody {
 public:
  // `limit` in bytes, of what may be appended in all.
  explicit RequestBody(std::size_t limit) noexcept : limit_(limit) {}
  // As new, with the memory it has. Nothing may view it any more.
  void restart(std::size_t limit) noexcept {
    limit_ = limit;
    begin_ = size_ = 0;
  }
  RequestBody(const RequestBody&) = delete;
  RequestBody& operator=(const RequestBody&) = delete;

  // Makes room for `size` bytes in all. kOutOfRange over the limit, kResourceExhausted where there
  // is no memory. Memory is taken as bytes come, at most kEagerBytes before.
  [[nodiscard]] Status reserve(std::size_t size);
  [[nodiscard]] Status append(std::span<const std::byte> bytes);
  // At least one and up to `wanted` free bytes behind the content to receive into; `commit` says
  // how many of them are content now.
  [[nodiscard]] Result<std::span<std::byte>> space(std::size_t wanted);
  void commit(std::size_t received) noexcept { size_ += received; }
  // The whole content at once, without a copy: `size` bytes of `memory`, from `begin` on. The
  // memory that was here is in `memory` afterwards.
  void adopt(ByteMemory& memory, std::size_t begin, std::size_t size) noexcept;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {memory_.data() + begin_, size_};
  }
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(memory_.data()) + begin_, size_};
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Memory that it holds.
  [[nodiscard]] std::size_t capacity() const noexcept { return memory_.size(); }

 private:
  static constexpr std::size_t kEagerBytes = std::size_t{1} << 20;

  [[nodiscard]] Status grow(std::size_t size);

  std::size_t limit_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
  ByteMemory memory_;
};

}  // namespace muster
