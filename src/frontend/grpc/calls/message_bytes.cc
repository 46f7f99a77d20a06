// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/message_bytes.h"

#include <climits>
#include <cstdint>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include <grpcpp/support/slice.h>

#include "frontend/grpc/calls/message_slices.h"

namespace muster {
namespace {

// gRPC's C++ class tells neither the compression nor the slices without copies of them, its C
// struct does. A standard-layout class has the address of its first member, which is all this
// needs.
static_assert(std::is_standard_layout_v<grpc::ByteBuffer> &&
              sizeof(grpc::ByteBuffer) == sizeof(grpc_byte_buffer*));

// `put(out)` writes that many bytes.
template <typename Put>
Status write(std::size_t size, grpc::Slice& bytes, const Put& put) {
  if (size > INT_MAX) {
    return {StatusCode::kOutOfRange,
            "the answer has " + std::to_string(size) + " bytes, and a gRPC message at most 2 GiB"};
  }
  try {
    grpc::Slice slice(size);
    put(const_cast<std::uint8_t*>(slice.begin()));
    bytes = std::move(slice);
    return {};
  } catch (const std::bad_alloc&) {
    return resource_exhausted("there is no memory for the answer");
  }
}

grpc::ByteBuffer buffer_of(const grpc::Slice& slice) {
  return {&slice, 1};
}

}  // namespace

const grpc_byte_buffer* core_buffer_of(const grpc::ByteBuffer& bytes) noexcept {
  return *reinterpret_cast<grpc_byte_buffer* const*>(&bytes);
}

grpc_compression_algorithm compression_of(const grpc_byte_buffer* bytes) noexcept {
  return bytes == nullptr ? GRPC_COMPRESS_NONE : bytes->data.raw.compression;
}

std::size_t length_of(const grpc_byte_buffer* bytes) noexcept {
  return bytes == nullptr ? 0 : bytes->data.raw.slice_buffer.length;
}

Status parse_message(const grpc::ByteBuffer& bytes, std::size_t max_bytes,
                     google::protobuf::MessageLite& message) {
  const grpc_byte_buffer* buffer = core_buffer_of(bytes);
  if (buffer == nullptr) return invalid_argument("there is no message");
  if (length_of(buffer) > max_bytes) {
    return invalid_argument("the message has " + std::to_string(length_of(buffer)) +
                            " bytes, at most " + std::to_string(max_bytes));
  }
  try {
    return parse_slices(buffer->data.raw.slice_buffer,
                        buffer->data.raw.compression != GRPC_COMPRESS_NONE, max_bytes, message);
  } catch (const std::bad_alloc&) {
    return resource_exhausted("there is no memory for the message");
  }
}

Status write_message(const google::protobuf::MessageLite& message, grpc::ByteBuffer& bytes) {
  grpc::Slice slice;
  MUSTER_RETURN_IF_ERROR(write(message.ByteSizeLong(), slice, [&](std::uint8_t* out) {
    message.SerializeWithCachedSizesToArray(out);
  }));
  bytes = buffer_of(slice);
  return {};
}

Status write_reply(const InferReply& reply, grpc::Slice& bytes) {
  return write(reply.size(), bytes, [&](std::uint8_t* out) { reply.write(out); });
}

Status write_stream_reply(const InferReply& reply, grpc::ByteBuffer& bytes) {
  grpc::Slice slice;
  MUSTER_RETURN_IF_ERROR(
      write(reply.stream_size(), slice, [&](std::uint8_t* out) { reply.write_stream(out); }));
  bytes = buffer_of(slice);
  return {};
}

}  // namespace muster
