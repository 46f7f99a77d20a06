// SPDX-License-Identifier: Apache-2.0
// ReceivedMessage: one message of a client's, as it came.
#pragma once

#include <cstddef>

#include <google/protobuf/message_lite.h>

#include <muster/status.h>

#include "frontend/grpc/message/header_values.h"
#include "frontend/grpc/message/message_bytes.h"

namespace muster {

struct ReceivedMessage {
  MessageBytes& bytes;  // may be swapped for others
  MessageCoding coding = MessageCoding::kIdentity;
};

// Its bytes as they are when inflated, at most `max_inflated` then; those that came are gone.
// kInvalidArgument: damaged, cut off, over the limit; kResourceExhausted: no memory.
[[nodiscard]] Status inflate_in_place(const ReceivedMessage& received, std::size_t max_inflated);

// `message` as the bytes say, of `max_bytes` at most, as they came and inflated. kInvalidArgument:
// no such message, or over the limit, which is found before anything is parsed;
// kResourceExhausted: no memory. Nothing throws.
[[nodiscard]] Status parse_message(const ReceivedMessage& received, std::size_t max_bytes,
                                   google::protobuf::MessageLite& message);

}  // namespace muster
