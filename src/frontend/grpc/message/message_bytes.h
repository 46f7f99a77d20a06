// SPDX-License-Identifier: Apache-2.0
// MessageBytes: the bytes of one message in one piece, in memory that counts towards the budget of
// all connections. Made to be used again. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <muster/status.h>

#include "base/memory/byte_memory.h"
#include "frontend/grpc/message/memory_budget.h"

namespace muster {

class MessageBytes {
 public:
  explicit MessageBytes(std::shared_ptr<MemoryBudget> budget) noexcept
      : budget_(std::move(budget)) {}
  MessageBytes(const MessageBytes&) = delete;
  MessageBytes& operator=(const MessageBytes&) = delete;
  MessageBytes(MessageBytes&& other) noexcept : budget_(other.budget_) { swap(other); }
  MessageBytes& operator=(MessageBytes&& other) noexcept {
    swap(other);
    return *this;
  }
  ~MessageBytes() { budget_->give_back(memory_.size()); }

  // Room for `size` bytes in all, what is there included. kResourceExhausted: no memory, or none
  // left in the budget.
  [[nodiscard]] Status reserve(std::size_t size);
  // `bytes` may lie in the free room behind what is there.
  [[nodiscard]] Status append(std::span<const std::byte> bytes);
  void drop_front(std::size_t count) noexcept;
  // Of what is reserved; what is new is not set to anything.
  void set_size(std::size_t size) noexcept { size_ = size; }

  [[nodiscard]] std::byte* data() noexcept { return memory_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return memory_.size(); }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {memory_.data(), size_};
  }
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(memory_.data()), size_};
  }

  [[nodiscard]] const std::shared_ptr<MemoryBudget>& budget() const noexcept { return budget_; }

  // Empty. Large memory is given back.
  void clear() noexcept;
  // Both of one budget.
  void swap(MessageBytes& other) noexcept {
    memory_.swap(other.memory_);
    std::swap(size_, other.size_);
  }

 private:
  static constexpr std::size_t kMaxKeptBytes = std::size_t{64} << 10;

  std::shared_ptr<MemoryBudget> budget_;  // has what the memory takes
  ByteMemory memory_;
  std::size_t size_ = 0;
};

}  // namespace muster
