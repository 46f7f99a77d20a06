// SPDX-License-Identifier: Apache-2.0
#include "protocol/request_body.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace muster {
namespace {

// Small enough for most requests' memory to be at hand, large enough for most of them to fit.
constexpr std::size_t kLeastCapacity = 4096;

}  // namespace

Status RequestBody::reserve(std::size_t size) {
  if (size > limit_) {
    return {StatusCode::kOutOfRange, "the body has " + std::to_string(size) +
                                         " bytes, the limit is " + std::to_string(limit_)};
  }
  return grow(std::min(size, size_ + kEagerBytes));
}

Status RequestBody::append(std::span<const std::byte> bytes) {
  if (bytes.size() > limit_ - size_) {
    return {StatusCode::kOutOfRange,
            "the body has more bytes than the limit of " + std::to_string(limit_)};
  }
  MUSTER_RETURN_IF_ERROR(grow(size_ + bytes.size()));
  if (!bytes.empty()) std::memcpy(memory_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return {};
}

Result<std::span<std::byte>> RequestBody::space(std::size_t wanted) {
  if (size_ == limit_) {
    return Status(StatusCode::kOutOfRange,
                  "the body has more bytes than the limit of " + std::to_string(limit_));
  }
  const std::size_t most = std::min(std::max<std::size_t>(wanted, 1), limit_ - size_);
  if (size_ == memory_.size()) MUSTER_RETURN_IF_ERROR(grow(size_ + std::min(most, kEagerBytes)));
  return std::span<std::byte>(memory_.data() + size_, std::min(most, memory_.size() - size_));
}

void RequestBody::adopt(ByteMemory& memory, std::size_t begin, std::size_t size) noexcept {
  memory_.swap(memory);
  begin_ = begin;
  size_ = size;
  limit_ = size;  // nothing is appended to it
}

Status RequestBody::grow(std::size_t size) {
  const std::size_t before = memory_.size();
  if (size <= before) return {};
  // Doubling, so that a body in small pieces is copied a bounded number of times.
  const std::size_t doubled = before > limit_ / 2 ? limit_ : before * 2;
  const std::size_t capacity = std::max({size, doubled, std::min(kLeastCapacity, limit_)});
  if (!memory_.resize(capacity)) {
    return resource_exhausted("no memory for a body of " + std::to_string(capacity) + " bytes");
  }
  return {};
}

}  // namespace muster
