// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/message_slices.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <string>

#include <google/protobuf/io/zero_copy_stream.h>
#include <grpc/slice.h>

#include "frontend/grpc/calls/inflation.h"

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

}  // namespace

Status parse_slices(const grpc_slice_buffer& slices, bool compressed, std::size_t max_inflated,
                    google::protobuf::MessageLite& message) {
  bool parsed = false;
  if (compressed) {
    std::string inflated;
    MUSTER_RETURN_IF_ERROR(inflate_slices(slices, max_inflated, inflated));
    parsed = message.ParseFromString(inflated);
  } else {
    SliceStream stream(slices);
    parsed = message.ParseFromZeroCopyStream(&stream);
  }
  if (!parsed) return invalid_argument("the bytes are no message " + message.GetTypeName());
  return {};
}

}  // namespace muster
