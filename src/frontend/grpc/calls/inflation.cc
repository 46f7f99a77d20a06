// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/inflation.h"

#include <algorithm>
#include <climits>

#include <grpc/slice.h>
#include <zlib.h>

namespace muster {
namespace {

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

Status inflate_slices(const grpc_slice_buffer& slices, std::size_t max_inflated, std::string& out) {
  out.clear();
  return Inflation().run(slices, max_inflated, out);
}

}  // namespace muster
