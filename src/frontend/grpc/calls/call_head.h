// SPDX-License-Identifier: Apache-2.0
// CallHead: what the fields of a request say about the call beside its path and its caller; and
// whether they are those of a call at all.
#pragma once

#include <optional>
#include <string_view>

#include <muster/inference.h>

#include "frontend/grpc/message/grpc_status.h"
#include "frontend/grpc/message/header_values.h"
#include "frontend/http2/http2_stream.h"

namespace muster {

struct CallHead {
  TimePoint deadline = kNoDeadline;
  // Of messages that are compressed; nothing where the call does not say how.
  std::optional<MessageCoding> coding = {};
  // Why there is no call, or ok. `http_status`: what HTTP says of it, "200" where gRPC says it
  // alone.
  GrpcStatus refusal = {};
  std::string_view http_status = "200";
};

// `now`: when it came.
[[nodiscard]] CallHead read_head(const Http2Stream& stream, TimePoint now);

// How an answer to a message of `coding` may be compressed: the same, if the client reads it.
[[nodiscard]] MessageCoding reply_coding(const Http2Stream& stream, MessageCoding coding);

}  // namespace muster
