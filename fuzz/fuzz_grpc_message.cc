// SPDX-License-Identifier: Apache-2.0
// A gRPC message in slices, as it came or compressed, read where it lies and by protobuf from the
// slices. The first byte says how it came, the second how long the slices are.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <google/protobuf/stubs/logging.h>
#include <grpc/slice.h>
#include <grpc/slice_buffer.h>

#include "frontend/grpc/calls/held_message.h"
#include "frontend/grpc/calls/message_slices.h"
#include "open_inference.pb.h"
#include "protocol/grpc/infer_message.h"

namespace {

constexpr std::size_t kMaxInflated = std::size_t{1} << 16;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // protobuf tells of every text that is no UTF-8.
  static const google::protobuf::LogSilencer silent;
  if (size < 2) return 0;
  const bool compressed = (data[0] & 1U) != 0;
  const std::size_t length = std::size_t{data[1]} + 1;
  const std::string bytes(reinterpret_cast<const char*>(data + 2), size - 2);
  grpc_slice_buffer slices;
  grpc_slice_buffer_init(&slices);
  for (std::size_t begin = 0; begin < bytes.size(); begin += length) {
    grpc_slice_buffer_add(&slices,
                          grpc_slice_from_copied_buffer(bytes.data() + begin,
                                                        std::min(length, bytes.size() - begin)));
  }
  muster::HeldMessage held;
  const muster::Status taken = held.take(slices, compressed, kMaxInflated);
  require(taken.ok() ? held.bytes().size() <= (compressed ? kMaxInflated : bytes.size())
                     : !taken.message().empty());
  require(compressed || held.bytes() == bytes);
  ::inference::ModelInferRequest message;
  const muster::Status parsed = muster::parse_slices(slices, compressed, kMaxInflated, message);
  require(parsed.ok() || !parsed.message().empty());
  muster::InferMessage read;
  const bool is_read = taken.ok() && read.read(held.bytes(), {}).ok();
  // One of the two has limits.
  require(parsed.ok() || !is_read);
  require(!is_read || read.id() == message.id());
  grpc_slice_buffer_destroy(&slices);
  return 0;
}
