// SPDX-License-Identifier: Apache-2.0
// Bytes as a ModelInferRequest.
#include <cstddef>
#include <cstdint>

#include "infer_round_trip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ::inference::ModelInferRequest message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  const muster::ProtocolLimits limits;
  const muster::SharedMemoryRegions regions(true);
  const muster::DecodeContext context{&limits, &regions, muster::TimePoint()};
  const muster::Result<muster::InferCall> call =
      muster::decode_grpc_infer(message, nullptr, context);
  if (!call.ok()) {
    muster::fuzz::check_error(call.status());
    return 0;
  }
  for (const muster::InferInput& input : call->request.inputs) {
    for (const std::string& raw : message.raw_input_contents())
      muster::fuzz::check_view(input.tensor, std::as_bytes(std::span(raw)));
  }
  muster::fuzz::check_call(*call, context);
  return 0;
}
