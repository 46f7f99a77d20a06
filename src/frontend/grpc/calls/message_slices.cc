// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/message_slices.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <string>

#include <google/protobuf/io/zero_copy_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <grpc/slice.h>
#include <zlib.h>

#include "frontend/grpc/calls/infer_field_counts.h"

namespace muster {
namespace {

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
    if (count == 0) return;
    if (offset_ == 0) {
      --index_;  // not in the macro, which looks at its argument twice
      offset_ = GRPC_SLICE_LENGTH(slices_.slices[index_]);
    }
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
    limit = std::min<std::size_t>(limit, INT_MAX);  // of protobuf
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

}  // namespace

Status parse_slices(const grpc_slice_buffer& slices, bool compressed, std::size_t max_inflated,
                    const ProtocolLimits* counted, google::protobuf::MessageLite& message) {
  bool parsed = false;
  if (compressed) {
    std::string inflated;
    MUSTER_RETURN_IF_ERROR(Inflation().run(slices, max_inflated, inflated));
    if (counted != nullptr) {
      google::protobuf::io::ArrayInputStream stream(inflated.data(),
                                                    static_cast<int>(inflated.size()));
      MUSTER_RETURN_IF_ERROR(check_field_counts(stream, *counted));
    }
    parsed = message.ParseFromString(inflated);
  } else {
    if (counted != nullptr) {
      SliceStream stream(slices);
      MUSTER_RETURN_IF_ERROR(check_field_counts(stream, *counted));
    }
    SliceStream stream(slices);
    parsed = message.ParseFromZeroCopyStream(&stream);
  }
  if (!parsed) return invalid_argument("the bytes are no message " + message.GetTypeName());
  return {};
}

}  // namespace muster
