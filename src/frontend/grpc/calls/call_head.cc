// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/call_head.h"

#include <string>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace muster {
namespace {

CallHead refused(std::string_view http_status, StatusCode code, std::string message) {
  CallHead head;
  head.refusal = {code, std::move(message)};
  head.http_status = http_status;
  return head;
}

}  // namespace

CallHead read_head(const Http2Stream& stream, TimePoint now) {
  if (stream.head_is_too_large()) {
    return refused("200", StatusCode::kResourceExhausted,
                   "the fields of the call are larger than the limit (--max-header-bytes)");
  }
  const std::string_view method = stream.field(Http2Field::kMethod);
  if (method != "POST") {
    return refused("405", StatusCode::kInvalidArgument,
                   "gRPC is asked by POST, not by " + printable(method));
  }
  const std::string_view type = stream.field(Http2Field::kContentType);
  if (!is_grpc_content_type(type)) {
    return refused("415", StatusCode::kInvalidArgument,
                   "the content type of gRPC is application/grpc, not '" + printable(type) + "'");
  }
  CallHead head;
  if (const std::string_view timeout = stream.field(Http2Field::kTimeout); !timeout.empty()) {
    const auto time = parse_grpc_timeout(timeout);
    if (!time) {
      return refused("200", StatusCode::kInvalidArgument,
                     "grpc-timeout is one to eight digits and one of H, M, S, m, u, n, not '" +
                         printable(timeout) + "'");
    }
    head.deadline = add_saturating(now, *time);
  }
  if (const std::string_view encoding = stream.field(Http2Field::kEncoding); !encoding.empty()) {
    const auto coding = parse_message_coding(encoding);
    if (!coding) {
      return refused("200", StatusCode::kUnimplemented,
                     "grpc-encoding is one of identity, deflate and gzip here, not '" +
                         printable(encoding) + "'");
    }
    if (*coding != MessageCoding::kIdentity) head.coding = coding;
  }
  return head;
}

MessageCoding reply_coding(const Http2Stream& stream, MessageCoding coding) {
  if (coding == MessageCoding::kIdentity) return coding;
  const std::string_view accepted = stream.field(Http2Field::kAcceptEncoding);
  // Who says nothing reads what it writes.
  return accepted.empty() || accepts_coding(accepted, coding) ? coding : MessageCoding::kIdentity;
}

}  // namespace muster
