// SPDX-License-Identifier: Apache-2.0
// Bytes as the body of an inference over HTTP. The first line is the length of its JSON, or
// anything that is no number for a body of JSON alone. With 0 it is also the raw tensor of models
// with one input.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "infer_round_trip.h"
#include "protocol/http/infer_decoder.h"

namespace {

struct RawModel {
  bool batched;
  muster::TensorSpec input;
};

// Models of each kind that a raw body is decoded for in its own way.
std::vector<RawModel> raw_models() {
  using enum muster::DataType;
  return {{true, {"x", kFp32, {-1, 4}, {}}},
          {true, {"x", kFp32, {-1, -1, 2}, {}}},
          {false, {"x", kInt64, {}, {}}},
          {false, {"x", kFp16, {2, -1, 0}, {}}},
          {true, {"x", kBool, {-1, -1}, {}}},
          {true, {"x", kBytes, {-1, 1}, {}}},
          {false, {"x", kBytes, {-1, -1}, {}}},
          {true, {"x", kUint8, {-1, -1, -1}, {}}},
          {false, {"x", kFp64, {1L << 40, 1L << 40, -1}, {}}}};
}

void decode_raw(const std::shared_ptr<muster::RequestBody>& body,
                const muster::DecodeContext& context) {
  for (RawModel& wanted : raw_models()) {
    muster::ModelDescription model;
    model.config.name = "m";
    model.config.batching.max_batch_size = wanted.batched ? 8 : 0;
    model.config.inputs.push_back(std::move(wanted.input));
    const muster::Result<muster::InferCall> call = muster::decode_raw_infer(body, model, context);
    if (!call.ok()) {
      muster::fuzz::check_error(call.status());
      continue;
    }
    for (const muster::InferInput& input : call->request.inputs)
      muster::fuzz::check_view(input.tensor, body->bytes());
    muster::fuzz::check_call(*call, context);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(all.find('\n'), all.size());
  const std::string_view text = line == all.size() ? std::string_view() : all.substr(line + 1);
  const std::optional<std::int64_t> length = muster::parse_int(all.substr(0, line));
  const std::optional<std::size_t> header_length =
      length && *length >= 0 ? std::optional(static_cast<std::size_t>(*length)) : std::nullopt;

  const muster::ProtocolLimits limits;
  const muster::SharedMemoryRegions regions(true);
  const muster::DecodeContext context{&limits, &regions, muster::TimePoint(), nullptr};
  auto body = std::make_shared<muster::RequestBody>(text.size());
  MUSTER_CHECK(body->append(std::as_bytes(std::span(text))).ok());
  if (header_length == std::size_t{0}) decode_raw(body, context);
  // The second time may be answered from what was kept of the first.
  muster::InferDecoder decoder;
  for (int round = 0; round < 2; ++round) {
    const muster::Result<muster::InferCall> call = decoder.decode(body, header_length, context);
    if (!call.ok()) {
      muster::fuzz::check_error(call.status());
      continue;
    }
    for (const muster::InferInput& input : call->request.inputs)
      muster::fuzz::check_view(input.tensor, body->bytes());
    muster::fuzz::check_call(*call, context);
  }
  return 0;
}
