// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/message_bytes.h"

#include <algorithm>
#include <climits>
#include <memory>
#include <new>
#include <string>
#include <type_traits>

#include <google/protobuf/io/zero_copy_stream.h>
#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <grpcpp/support/slice.h>
#include <zlib.h>

namespace muster {
namespace {

// gRPC's C++ class tells neither the compression nor the slices without copies of them, its C
// struct does. A standard-layout class has the address of its first member, which is all this
// needs.
static_assert(std::is_standard_layout_v<grpc::ByteBuffer> &&
              sizeof(grpc::ByteBuffer) == sizeof(grpc_byte_buffer*));
const grpc_byte_buffer* c_buffer_of(const grpc::ByteBuffer& bytes) noexcept {
  return *reinterpret_cast<grpc_byte_buffer* const*>(&bytes);
}

// The slices of a buffer, one after the other.
class SliceStream final : public google::protobuf::io::ZeroCopyInputStream {
 public:
  explicit SliceStream(const grpc_slice_buffer& slices) noexcept : slices_(slices) {}

  bool Next(const void** data, int* size) override {
    while (true) {
      if (index_ == slices_.count) return false;
      const grpc_slice& slice = slices_.slices[index_];
      const std::size_t left = GRPC_SLICE_LENGTH(slice) - offset_;
      if (left != 0) {
        const std::size_t given = std::min<std::size_t>(left, INT_MAX);
        *data = GRPC_SLICE_START_PTR(slice) + offset_;
        *size = static_cast<int>(given);
        advance(given);
        return true;
      }
      advance(0);
    }
  }
  void BackUp(int count) override {
    // What is given back was given last: it is the end of a slice, or of what is left of this one.
    if (offset_ == 0) offset_ = GRPC_SLICE_LENGTH(slices_.slices[--index_]);
    offset_ -= static_cast<std::size_t>(count);
    total_ -= count;
  }
  bool Skip(int count) override {
    const void* data = nullptr;
    int size = 0;
    while (count > 0 && Next(&data, &size)) {
      if (size > count) BackUp(size - count);
      count -= std::min(size, count);
    }
    return count == 0;
  }
  [[nodiscard]] std::int64_t ByteCount() const override { return total_; }

 private:
  void advance(std::size_t given) noexcept {
    total_ += static_cast<std::int64_t>(given);
    offset_ += given;
    if (offset_ != GRPC_SLICE_LENGTH(slices_.slices[index_])) return;
    ++index_;
    offset_ = 0;
  }

  const grpc_slice_buffer& slices_;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;  // in the slice
  std::int64_t total_ = 0;
};

class Inflation {
 public:
  // 32 more window bits: zlib finds out whether it is gzip or deflate, which is zlib's format here.
  Inflation() { ready_ = inflateInit2(&stream_, MAX_WBITS + 32) == Z_OK; }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;
  ~Inflation() {
    if (ready_) inflateEnd(&stream_);
  }

  // All of `slices`, at most `limit` bytes.
  Status run(const grpc_slice_buffer& slices, std::size_t limit, std::string& out) {
    if (!ready_) return resource_exhausted("there is no memory to inflate the message");
    int state = Z_OK;
    for (std::size_t index = 0; index < slices.count; ++index) {
      const grpc_slice& slice = slices.slices[index];
      stream_.next_in = const_cast<Bytef*>(GRPC_SLICE_START_PTR(slice));
      stream_.avail_in = static_cast<uInt>(GRPC_SLICE_LENGTH(slice));
      while (stream_.avail_in != 0) {
        if (state == Z_STREAM_END)
          return invalid_argument("there are bytes behind the compressed message");
        MUSTER_RETURN_IF_ERROR(step(limit, out, state));
      }
    }
    // What zlib holds back for want of room is still to come.
    while (state != Z_STREAM_END) {
      const std::size_t before = out.size();
      MUSTER_RETURN_IF_ERROR(step(limit, out, state));
      if (state != Z_STREAM_END && out.size() == before)
        return invalid_argument("the compressed message is cut off");
    }
    return {};
  }

 private:
  static constexpr std::size_t kChunk = std::size_t{64} << 10;

  Status step(std::size_t limit, std::string& out, int& state) {
    const std::size_t before = out.size();
    // One byte over the limit tells a message that just fits from one that goes on.
    const std::size_t room = std::min(kChunk, limit + 1 - before);
    out.resize(before + room);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream_.avail_out = static_cast<uInt>(room);
    state = inflate(&stream_, Z_NO_FLUSH);
    out.resize(before + room - stream_.avail_out);
    if (out.size() > limit) {
      return invalid_argument("the message is larger than " + std::to_string(limit) +
                              " bytes when inflated");
    }
    if (state == Z_MEM_ERROR)
      return resource_exhausted("there is no memory to inflate the message");
    if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
      return invalid_argument("the compressed message is damaged");
    return {};
  }

  z_stream stream_ = {};
  bool ready_ = false;
};

Status parse(const grpc_byte_buffer& buffer, std::size_t max_inflated,
             google::protobuf::MessageLite& message) {
  const grpc_slice_buffer& slices = buffer.data.raw.slice_buffer;
  bool parsed = false;
  if (buffer.data.raw.compression == GRPC_COMPRESS_NONE) {
    SliceStream stream(slices);
    parsed = message.ParseFromZeroCopyStream(&stream);
  } else {
    std::string inflated;
    MUSTER_RETURN_IF_ERROR(Inflation().run(slices, max_inflated, inflated));
    parsed = message.ParseFromString(inflated);
  }
  if (!parsed) return invalid_argument("the bytes are no message " + message.GetTypeName());
  return {};
}

Status write(const google::protobuf::MessageLite& message, grpc::ByteBuffer& bytes) {
  const std::size_t size = message.ByteSizeLong();
  if (size > INT_MAX) {
    return {StatusCode::kOutOfRange,
            "the answer has " + std::to_string(size) + " bytes, and a gRPC message at most 2 GiB"};
  }
  grpc::Slice slice(size);
  message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  grpc::ByteBuffer written(&slice, 1);
  bytes.Swap(&written);
  return {};
}

}  // namespace

grpc_compression_algorithm compression_of(const grpc::ByteBuffer& bytes) noexcept {
  const grpc_byte_buffer* buffer = c_buffer_of(bytes);
  return buffer == nullptr ? GRPC_COMPRESS_NONE : buffer->data.raw.compression;
}

Status parse_message(const grpc::ByteBuffer& bytes, std::size_t max_inflated,
                     google::protobuf::MessageLite& message) {
  const grpc_byte_buffer* buffer = c_buffer_of(bytes);
  if (buffer == nullptr) return invalid_argument("there is no message");
  try {
    return parse(*buffer, max_inflated, message);
  } catch (const std::bad_alloc&) {
    return resource_exhausted("there is no memory for the message");
  }
}

Status write_message(const google::protobuf::MessageLite& message, grpc::ByteBuffer& bytes) {
  try {
    return write(message, bytes);
  } catch (const std::bad_alloc&) {
    return resource_exhausted("there is no memory for the answer");
  }
}

}  // namespace muster
