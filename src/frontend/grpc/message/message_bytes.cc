// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/message/message_bytes.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace muster {

Status MessageBytes::reserve(std::size_t size) {
  const std::size_t before = memory_.size();
  if (size <= before) return {};
  if (!budget_->take(size - before)) {
    return resource_exhausted("the messages of all connections take all memory that they may");
  }
  if (!memory_.resize(size)) {
    budget_->give_back(size - before);
    return resource_exhausted("there is no memory for a message of " + std::to_string(size) +
                              " bytes");
  }
  return {};
}

Status MessageBytes::append(std::span<const std::byte> bytes) {
  const std::size_t needed = size_ + bytes.size();
  // Doubling, so that what comes in small pieces is copied a bounded number of times.
  if (needed > capacity() && !reserve(std::max(needed, capacity() * 2)).ok())
    MUSTER_RETURN_IF_ERROR(reserve(needed));
  std::byte* const end = memory_.data() + size_;
  if (!bytes.empty() && bytes.data() != end) std::memmove(end, bytes.data(), bytes.size());
  size_ += bytes.size();
  return {};
}

void MessageBytes::drop_front(std::size_t count) noexcept {
  size_ -= count;
  if (count != 0 && size_ != 0) std::memmove(memory_.data(), memory_.data() + count, size_);
}

void MessageBytes::clear() noexcept {
  size_ = 0;
  if (memory_.size() <= kMaxKeptBytes) return;
  budget_->give_back(memory_.size());
  memory_ = ByteMemory();
}

}  // namespace muster
