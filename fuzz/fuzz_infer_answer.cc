// SPDX-License-Identifier: Apache-2.0
// What a server answers to an inference. The first line is the length of its JSON, "grpc" for a
// ModelInferResponse, or anything else for a body of JSON alone.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <google/protobuf/stubs/logging.h>

#include "base/text.h"
#include "infer_round_trip.h"
#include "protocol/grpc/grpc_reply_decoder.h"
#include "protocol/http/http_reply_decoder.h"

namespace muster::fuzz {
namespace {

void check_same(const InferResponse& sent, const Result<InferResponse>& got) {
  MUSTER_CHECK(got.ok());
  MUSTER_CHECK(got->outputs.size() == sent.outputs.size());
  for (std::size_t i = 0; i < sent.outputs.size(); ++i) {
    const Tensor& tensor = sent.outputs[i].tensor;
    const Tensor& other = got->outputs[i].tensor;
    MUSTER_CHECK(got->outputs[i].name == sent.outputs[i].name);
    MUSTER_CHECK(other.type() == tensor.type() && other.shape() == tensor.shape());
    MUSTER_CHECK(std::ranges::equal(other.bytes(), tensor.bytes()));
  }
}

InferResponse copy_of(const InferResponse& response) {
  InferResponse copy;
  for (const InferOutput& output : response.outputs) {
    const TensorView view = output.tensor.view();
    copy.outputs.push_back({output.name, *Tensor::copy_of(view.type, view.shape, view.bytes)});
  }
  return copy;
}

// Sent by Muster's own server, by either transport, it is the same.
void check_sent_again(const InferResponse& response) {
  InferReply message;
  const ReplyWishes nothing;
  MUSTER_CHECK(message.prepare(nothing, response).ok());
  std::string bytes(message.size(), '\0');
  message.write(reinterpret_cast<std::uint8_t*>(bytes.data()));
  check_same(response, decode_grpc_reply(bytes));

  ReplyWishes binary;
  binary.binary = true;
  HttpInferReply reply;
  MUSTER_CHECK(encode_http_infer(binary, copy_of(response), reply).ok());
  std::string body = reply.json;
  for (const auto part : reply.parts)
    body.append(reinterpret_cast<const char*>(part.data()), part.size());
  check_same(response, decode_http_reply(body, reply.json.size()));
}

void check(const Result<InferResponse>& response) {
  if (!response.ok()) return check_error(response.status());
  for (const InferOutput& output : response->outputs)
    check_tensor(output.tensor.view());
  check_sent_again(*response);
}

// protobuf takes the same bytes.
void check_message(std::string_view bytes) {
  ::inference::ModelInferResponse parsed;
  const bool takes = parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  ProtocolLimits none;
  none.max_tensors = none.max_parameters = std::numeric_limits<std::size_t>::max();
  InferMessage message;
  MUSTER_CHECK(message.read_reply(bytes, none).ok() == takes);
  MUSTER_CHECK(!takes ||
               (message.inputs().size() == static_cast<std::size_t>(parsed.outputs_size()) &&
                message.raw_input_contents().size() ==
                    static_cast<std::size_t>(parsed.raw_output_contents_size())));
}

}  // namespace
}  // namespace muster::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // protobuf tells of every text that is no UTF-8.
  static const google::protobuf::LogSilencer silent;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(all.find('\n'), all.size());
  const std::string_view text = line == all.size() ? std::string_view() : all.substr(line + 1);
  if (all.substr(0, line) == "grpc") {
    muster::fuzz::check_message(text);
    muster::fuzz::check(muster::decode_grpc_reply(text));
    return 0;
  }
  const std::optional<std::int64_t> length = muster::parse_int(all.substr(0, line));
  const std::optional<std::size_t> header_length =
      length && *length >= 0 ? std::optional(static_cast<std::size_t>(*length)) : std::nullopt;
  muster::fuzz::check(muster::decode_http_reply(text, header_length));
  return 0;
}
