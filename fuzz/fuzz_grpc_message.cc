// SPDX-License-Identifier: Apache-2.0
// A gRPC message in slices, as it came or compressed. The first byte says which, the second how
// long the slices are.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <grpc/slice.h>
#include <grpc/slice_buffer.h>

#include "frontend/grpc/calls/message_slices.h"
#include "open_inference.pb.h"

namespace {

constexpr std::size_t kMaxInflated = std::size_t{1} << 16;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
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
  ::inference::ModelInferRequest message;
  muster::ProtocolLimits limits;
  limits.max_tensors = 5;
  limits.max_parameters = 3;
  const muster::Status status =
      muster::parse_slices(slices, compressed, kMaxInflated, &limits, message);
  require(status.ok() || !status.message().empty());
  require(!status.ok() || !compressed || message.ByteSizeLong() <= 4 * kMaxInflated);
  const auto few = [](int count, std::size_t most) {
    return static_cast<std::size_t>(count) <= most;
  };
  require(!status.ok() || (few(message.inputs_size(), limits.max_tensors) &&
                           few(message.outputs_size(), limits.max_tensors) &&
                           few(message.raw_input_contents_size(), limits.max_tensors)));
  ::inference::ModelInferRequest whole;
  if (!compressed && status.ok()) {
    require(whole.ParseFromString(bytes));
    require(whole.ByteSizeLong() == message.ByteSizeLong());
  }
  grpc_slice_buffer_destroy(&slices);
  return 0;
}
