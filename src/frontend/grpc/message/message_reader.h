// SPDX-License-Identifier: Apache-2.0
// MessageReader: the bytes of one call become messages, one after the other. Each has five bytes
// before it: whether it is compressed, and its length.
//
// Knows no stream. Memory is taken as bytes come and not as lengths claim. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "frontend/grpc/message/grpc_status.h"
#include "frontend/grpc/message/message_bytes.h"

namespace muster {

class MessageReader {
 public:
  static constexpr std::size_t kPrefixBytes = 5;

  enum class Step : std::uint8_t {
    kNeedBytes,  // all is read
    kMessage,    // the message is complete; what follows it is still to be read
    kRefused,    // refusal() says why; nothing more can be read here
  };

  MessageReader() = default;
  MessageReader(const MessageReader&) = delete;
  MessageReader& operator=(const MessageReader&) = delete;

  // For a new call, whose messages have `max_bytes` at most, as they come, and are read into
  // `message`. `has_coding`: it has said how what is compressed is.
  void restart(MessageBytes& message, std::size_t max_bytes, bool has_coding) noexcept;
  // Takes from the front of `piece`, which has something, what leads to the next step. After
  // kMessage the message may be swapped for another; the next call drops what is left.
  [[nodiscard]] Step read(std::span<const std::byte>& piece);

  // Where the next bytes of the message will lie, up to `most`; what is read there `read` does not
  // copy. Empty where the message has not begun, or memory is still to be taken for it.
  [[nodiscard]] std::span<std::byte> room(std::size_t most) noexcept;

  [[nodiscard]] bool is_compressed() const noexcept { return prefix_[0] != std::byte{0}; }
  [[nodiscard]] const GrpcStatus& refusal() const noexcept { return refusal_; }
  // Whether the call may end here: no message has been begun.
  [[nodiscard]] bool is_between_messages() const noexcept { return prefix_size_ == 0 || complete_; }
  // Bytes of the message that are still to come, where its length is known.
  [[nodiscard]] std::size_t missing() const noexcept {
    return prefix_size_ == kPrefixBytes && !complete_ ? length_ - message_->size() : 0;
  }

 private:
  // What a length alone makes us take.
  static constexpr std::size_t kEagerBytes = std::size_t{1} << 20;

  Step refuse(StatusCode code, std::string message);
  // Once the prefix is there.
  [[nodiscard]] bool check_prefix();
  Step read_payload(std::span<const std::byte>& piece);

  std::size_t max_bytes_ = 0;
  bool has_coding_ = false;
  std::array<std::byte, kPrefixBytes> prefix_ = {};
  std::size_t prefix_size_ = 0;
  bool complete_ = false;
  std::size_t length_ = 0;
  MessageBytes* message_ = nullptr;
  GrpcStatus refusal_;
};

}  // namespace muster
