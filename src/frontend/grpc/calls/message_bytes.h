// SPDX-License-Identifier: Apache-2.0
// Messages to and from the bytes that gRPC carries. Nothing throws; what the client sent is
// hostile.
//
// gRPC's own decompression is switched off (server_setup): it knows no limit, so that a few
// megabytes of gzip could become all the memory there is. What came compressed is inflated here.
#pragma once

#include <cstddef>

#include <google/protobuf/message_lite.h>
#include <grpc/byte_buffer.h>
#include <grpcpp/support/byte_buffer.h>

#include <muster/status.h>

#include "protocol/grpc/infer_reply.h"

namespace muster {

// The core's buffer behind the C++ class, which owns it; null where there is no message.
[[nodiscard]] const grpc_byte_buffer* core_buffer_of(const grpc::ByteBuffer& bytes) noexcept;

// How a message came: none, or an algorithm that gRPC lets in.
[[nodiscard]] grpc_compression_algorithm compression_of(const grpc_byte_buffer* bytes) noexcept;

// How many bytes came; 0 where there is no message.
[[nodiscard]] std::size_t length_of(const grpc_byte_buffer* bytes) noexcept;

// `message` as `bytes` say, of `max_bytes` at most, as they came and inflated. kInvalidArgument: no
// such message, or over the limit, which is found before anything is parsed; kResourceExhausted: no
// memory.
[[nodiscard]] Status parse_message(const grpc::ByteBuffer& bytes, std::size_t max_bytes,
                                   google::protobuf::MessageLite& message);

// kResourceExhausted where there is no memory, kOutOfRange over the 2 GiB of a message.
[[nodiscard]] Status write_message(const google::protobuf::MessageLite& message,
                                   grpc::ByteBuffer& bytes);
[[nodiscard]] Status write_reply(const InferReply& reply, grpc::Slice& bytes);
[[nodiscard]] Status write_stream_reply(const InferReply& reply, grpc::ByteBuffer& bytes);

}  // namespace muster
