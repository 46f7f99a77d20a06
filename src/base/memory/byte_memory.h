// SPDX-License-Identifier: Apache-2.0
// ByteMemory: bytes that are not set to anything before they are written.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <utility>

namespace muster {

class ByteMemory {
 public:
  ByteMemory() noexcept = default;
  ByteMemory(ByteMemory&& other) noexcept { swap(other); }
  ByteMemory& operator=(ByteMemory&& other) noexcept {
    ByteMemory(std::move(other)).swap(*this);
    return *this;
  }
  ~ByteMemory() { std::free(data_); }

  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // `size` > 0. What is there stays, as far as there is room for it. False, and nothing is changed,
  // where there is no memory.
  [[nodiscard]] bool resize(std::size_t size) noexcept {
    auto* const data = static_cast<std::byte*>(std::realloc(data_, size));
    if (data == nullptr) return false;
    data_ = data;
    size_ = size;
    return true;
  }
  void swap(ByteMemory& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace muster
