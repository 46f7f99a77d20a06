// SPDX-License-Identifier: Apache-2.0
// Bytes as a ModelInferRequest, read by us and by protobuf.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include <google/protobuf/stubs/logging.h>

#include "infer_round_trip.h"
#include "protocol/testing/parsed_infer_request.h"

namespace muster::fuzz {
namespace {

using Request = ::inference::ModelInferRequest;

// Both take the bytes and for the same, or neither does.
void check_same(std::string_view bytes, const Request& parsed, bool takes) {
  ProtocolLimits limits;
  limits.max_tensors = limits.max_parameters = std::numeric_limits<std::size_t>::max();
  InferMessage message;
  MUSTER_CHECK(message.read(bytes, limits).ok() == takes);
  MUSTER_CHECK(!takes || testing::difference(message, parsed).empty());
}

// How a message is written makes no difference: here without what is unknown, packed, each once.
void check_rewritten(const Request& parsed, const Status& outcome, const DecodeContext& context) {
  Request known = parsed;
  known.DiscardUnknownFields();
  const std::string bytes = known.SerializeAsString();
  InferMessage message;
  MUSTER_CHECK(message.read(bytes, *context.limits).ok());
  InferCall call;
  const Status again = decode_grpc_infer(message, context, call);
  MUSTER_CHECK(again.code() == outcome.code());
  MUSTER_CHECK(!again.ok() || testing::difference(call, parsed).empty());
}

void check(std::string_view bytes) {
  Request parsed;
  const bool takes = parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  check_same(bytes, parsed, takes);
  const ProtocolLimits limits;
  const SharedMemoryRegions regions(true);
  const DecodeContext context{&limits, &regions, TimePoint(), nullptr};
  InferMessage message;
  if (const Status status = message.read(bytes, limits); !status.ok()) return check_error(status);
  MUSTER_CHECK(takes);
  InferCall call;
  const Status outcome = decode_grpc_infer(message, context, call);
  check_rewritten(parsed, outcome, context);
  if (!outcome.ok()) return check_error(outcome);
  MUSTER_CHECK(testing::difference(call, parsed).empty());
  for (const InferInput& input : call.request.inputs)
    check_view(input.tensor, std::as_bytes(std::span(bytes)));
  check_call(call, context);
}

}  // namespace
}  // namespace muster::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // protobuf tells of every text that is no UTF-8.
  static const google::protobuf::LogSilencer silent;
  muster::fuzz::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
