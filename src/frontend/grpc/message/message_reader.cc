// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/message/message_reader.h"

#include <algorithm>
#include <string>
#include <utility>

namespace muster {

void MessageReader::restart(MessageBytes& message, std::size_t max_bytes,
                            bool has_coding) noexcept {
  message_ = &message;
  max_bytes_ = max_bytes;
  has_coding_ = has_coding;
  prefix_size_ = 0;
  complete_ = false;
  length_ = 0;
  message_->clear();
  refusal_ = {};
}

MessageReader::Step MessageReader::read(std::span<const std::byte>& piece) {
  if (!refusal_.ok()) return Step::kRefused;
  if (complete_) {
    complete_ = false;
    message_->clear();
    prefix_size_ = 0;
  }
  if (prefix_size_ < kPrefixBytes) {
    const std::size_t taken = std::min(kPrefixBytes - prefix_size_, piece.size());
    std::copy_n(piece.begin(), taken, prefix_.begin() + static_cast<std::ptrdiff_t>(prefix_size_));
    prefix_size_ += taken;
    piece = piece.subspan(taken);
    if (prefix_size_ < kPrefixBytes) return Step::kNeedBytes;
    if (!check_prefix()) return Step::kRefused;
  }
  return read_payload(piece);
}

std::span<std::byte> MessageReader::room(std::size_t most) noexcept {
  if (!refusal_.ok()) return {};
  const std::size_t free = message_->capacity() - message_->size();
  return {message_->data() + message_->size(), std::min({most, free, missing()})};
}

bool MessageReader::check_prefix() {
  length_ = 0;
  for (const std::byte byte : std::span(prefix_).subspan(1))
    length_ = length_ << 8U | std::to_integer<std::size_t>(byte);
  if (prefix_[0] > std::byte{1}) {
    refuse(StatusCode::kInvalidArgument, "a message begins with its flag, 0 or 1, and not " +
                                             std::to_string(std::to_integer<int>(prefix_[0])));
  } else if (is_compressed() && !has_coding_) {
    refuse(StatusCode::kInternal, "a message is compressed, and grpc-encoding does not say how");
  } else if (length_ > max_bytes_) {
    refuse(StatusCode::kResourceExhausted, "the message has " + std::to_string(length_) +
                                               " bytes, the limit is " +
                                               std::to_string(max_bytes_));
  }
  return refusal_.ok();
}

MessageReader::Step MessageReader::read_payload(std::span<const std::byte>& piece) {
  const std::size_t taken = std::min(length_ - message_->size(), piece.size());
  const std::size_t needed = message_->size() + taken;
  Status status;
  if (needed > message_->capacity()) {
    const std::size_t ahead = std::max(message_->capacity() * 2, kEagerBytes);
    status = message_->reserve(std::max(needed, std::min(ahead, length_)));
  }
  if (status.ok()) status = message_->append(piece.first(taken));
  if (!status.ok()) {
    const GrpcStatus told = grpc_status(status);
    return refuse(told.code, told.message);
  }
  piece = piece.subspan(taken);
  complete_ = message_->size() == length_;
  return complete_ ? Step::kMessage : Step::kNeedBytes;
}

MessageReader::Step MessageReader::refuse(StatusCode code, std::string message) {
  refusal_ = {code, std::move(message)};
  message_->clear();
  return Step::kRefused;
}

}  // namespace muster
