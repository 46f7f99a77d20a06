// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/message/coded_message.h"

#include <algorithm>
#include <climits>
#include <string>

#include <zlib.h>

namespace muster {
namespace {

constexpr int kQuickLevel = 1;
constexpr int kMemoryLevel = 8;

int window_of(MessageCoding coding) noexcept {
  return coding == MessageCoding::kGzip ? MAX_WBITS + 16 : MAX_WBITS;
}

Bytef* to_zlib(const std::byte* bytes) noexcept {
  // zlib reads its input through a pointer that is not const.
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes));
}

class Inflation {
 public:
  explicit Inflation(MessageCoding coding) noexcept
      : ready_(inflateInit2(&stream_, window_of(coding)) == Z_OK) {}
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;
  ~Inflation() {
    if (ready_) inflateEnd(&stream_);
  }

  // All of `compressed`, to at most `limit` bytes.
  Status run(std::span<const std::byte> compressed, std::size_t limit, MessageBytes& out) {
    limit = std::min<std::size_t>(limit, INT_MAX);  // of protobuf
    if (!ready_) return resource_exhausted("there is no memory to inflate the message");
    if (compressed.size() > UINT_MAX) return invalid_argument("the compressed message is too long");
    stream_.next_in = to_zlib(compressed.data());
    stream_.avail_in = static_cast<uInt>(compressed.size());
    int state = Z_OK;
    while (state != Z_STREAM_END) {
      const std::size_t before = out.size();
      MUSTER_RETURN_IF_ERROR(step(limit, out, state));
      if (state != Z_STREAM_END && out.size() == before)
        return invalid_argument("the compressed message is cut off");
    }
    if (stream_.avail_in != 0)
      return invalid_argument("there are bytes behind the compressed message");
    return {};
  }

 private:
  static constexpr std::size_t kChunk = std::size_t{64} << 10;

  Status step(std::size_t limit, MessageBytes& out, int& state) {
    const std::size_t before = out.size();
    // One byte over the limit tells a message that just fits from one that goes on.
    const std::size_t room = std::min(std::max(kChunk, before), limit + 1 - before);
    MUSTER_RETURN_IF_ERROR(out.reserve(before + room));
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream_.avail_out = static_cast<uInt>(room);
    state = inflate(&stream_, Z_NO_FLUSH);
    out.set_size(before + room - stream_.avail_out);
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
  const bool ready_;
};

}  // namespace

Status inflate_message(std::span<const std::byte> compressed, MessageCoding coding,
                       std::size_t max_inflated, MessageBytes& out) {
  out.clear();
  Status status = Inflation(coding).run(compressed, max_inflated, out);
  if (!status.ok()) out.clear();
  return status;
}

bool append_compressed(std::span<const std::byte> plain, MessageCoding coding, MessageBytes& out) {
  if (plain.size() > UINT_MAX) return false;
  z_stream stream = {};
  if (deflateInit2(&stream, kQuickLevel, Z_DEFLATED, window_of(coding), kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return false;
  const std::size_t before = out.size();
  bool smaller = out.reserve(before + plain.size()).ok();
  if (smaller) {
    stream.next_in = to_zlib(plain.data());
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(plain.size());
    // What has no room within the plain size is not smaller.
    smaller = deflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out != 0;
    if (smaller) out.set_size(before + plain.size() - stream.avail_out);
  }
  deflateEnd(&stream);
  return smaller;
}

}  // namespace muster
