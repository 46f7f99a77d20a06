// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/message/message_frame.h"

#include <climits>
#include <cstdint>
#include <string>
#include <utility>

#include "frontend/grpc/message/coded_message.h"
#include "frontend/grpc/message/message_reader.h"

namespace muster {
namespace {

constexpr std::size_t kPrefix = MessageReader::kPrefixBytes;

void write_prefix(bool compressed, MessageBytes& frame) {
  const std::size_t length = frame.size() - kPrefix;
  std::byte* const out = frame.data();
  out[0] = compressed ? std::byte{1} : std::byte{0};
  for (std::size_t place = 1; place < kPrefix; ++place)
    out[place] = static_cast<std::byte>(length >> 8U * (kPrefix - 1 - place) & 255U);
}

// False: it stays as it is.
bool compress(MessageCoding coding, MessageBytes& frame) {
  MessageBytes smaller(frame.budget());
  if (!smaller.reserve(kPrefix).ok()) return false;
  smaller.set_size(kPrefix);
  if (!append_compressed(frame.bytes().subspan(kPrefix), coding, smaller)) return false;
  frame.swap(smaller);
  return true;
}

// `put(out)` writes that many bytes.
template <typename Put>
Status frame(std::size_t size, MessageCoding coding, MessageBytes& out, const Put& put) {
  out.clear();
  if (size > INT_MAX) {
    return {StatusCode::kOutOfRange,
            "the answer has " + std::to_string(size) + " bytes, and a gRPC message at most 2 GiB"};
  }
  MUSTER_RETURN_IF_ERROR(out.reserve(kPrefix + size));
  out.set_size(kPrefix + size);
  put(reinterpret_cast<std::uint8_t*>(out.data() + kPrefix));
  write_prefix(coding != MessageCoding::kIdentity && compress(coding, out), out);
  return {};
}

}  // namespace

Status frame_message(const google::protobuf::MessageLite& message, MessageCoding coding,
                     MessageBytes& out) {
  return frame(message.ByteSizeLong(), coding, out,
               [&](std::uint8_t* to) { message.SerializeWithCachedSizesToArray(to); });
}

Status frame_reply(const InferReply& reply, MessageCoding coding, MessageBytes& out) {
  return frame(reply.size(), coding, out, [&](std::uint8_t* to) { reply.write(to); });
}

Status frame_stream_reply(const InferReply& reply, MessageCoding coding, MessageBytes& out) {
  return frame(reply.stream_size(), coding, out, [&](std::uint8_t* to) { reply.write_stream(to); });
}

}  // namespace muster
