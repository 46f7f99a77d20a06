// SPDX-License-Identifier: Apache-2.0
// RequestBody: the bytes of one HTTP request's body, in one piece.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <muster/status.h>

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
    size_ = 0;
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

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_}; }
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data_.get()), size_};
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Memory that it holds.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  static constexpr std::size_t kEagerBytes = std::size_t{1} << 20;
  struct Free {
    void operator()(std::byte* data) const noexcept;
  };

  [[nodiscard]] Status grow(std::size_t size);

  std::size_t limit_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::unique_ptr<std::byte[], Free> data_;
};

}  // namespace muster
