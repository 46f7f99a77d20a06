// SPDX-License-Identifier: Apache-2.0
// CallReply: the answer of one call on its stream: a head where there are messages, messages, and
// how the call ended. It keeps what fields refer to, so it stays until the stream is closed.
//
// restart, (set_coding?, send)*, finish | refuse; then it may restart. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <muster/inference.h>

#include "frontend/grpc/message/grpc_status.h"
#include "frontend/grpc/message/header_values.h"
#include "frontend/grpc/message/message_bytes.h"
#include "frontend/http2/http2_stream.h"

namespace muster {

class CallReply {
 public:
  void restart(Http2Stream& stream) noexcept;

  // How messages are compressed that are: said once, before the first.
  void set_coding(MessageCoding coding) noexcept {
    if (!has_head_) coding_ = coding;
  }
  [[nodiscard]] MessageCoding coding() const noexcept { return coding_; }
  // A message with its prefix, which stays as it is until the stream says `sent` or `closed`.
  void send(const MessageBytes& frame);
  // Of the trailing metadata kTimingKey, which is left out where it is empty. For an answer that
  // has a message.
  [[nodiscard]] std::string& timing() noexcept { return timing_; }
  void finish(const GrpcStatus& status);
  // In place of everything else: `http_status` says it to those who do not speak gRPC, and lasts as
  // long as the program.
  void refuse(std::string_view http_status, const GrpcStatus& status);

 private:
  // The fields that end the answer, behind those of `fields`.
  template <typename Fields>
  void add_ending(const GrpcStatus& status, Fields& fields);

  Http2Stream* stream_ = nullptr;
  MessageCoding coding_ = MessageCoding::kIdentity;
  bool has_head_ = false;
  std::string message_;  // percent-encoded
  std::string timing_;
};

}  // namespace muster
