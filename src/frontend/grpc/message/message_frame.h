// SPDX-License-Identifier: Apache-2.0
// Answers as they travel: a message and the five bytes before it, in one piece.
//
// `coding`: compressed so, unless that would not be smaller. kResourceExhausted: no memory;
// kOutOfRange: over the 2 GiB of a message. `out` is of nothing else afterwards.
#pragma once

#include <google/protobuf/message_lite.h>

#include <muster/status.h>

#include "frontend/grpc/message/header_values.h"
#include "frontend/grpc/message/message_bytes.h"
#include "protocol/grpc/infer_reply.h"

namespace muster {

[[nodiscard]] Status frame_message(const google::protobuf::MessageLite& message,
                                   MessageCoding coding, MessageBytes& out);
[[nodiscard]] Status frame_reply(const InferReply& reply, MessageCoding coding, MessageBytes& out);
[[nodiscard]] Status frame_stream_reply(const InferReply& reply, MessageCoding coding,
                                        MessageBytes& out);

}  // namespace muster
