// SPDX-License-Identifier: Apache-2.0
// What a request and a reply cost in this folder: a LeNet row in, ten scores out, by every way.
// Beside it what simdjson takes for the same JSON (ADR 0015).
#include <charconv>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <simdjson.h>

#include "open_inference.pb.h"
#include "protocol/grpc/grpc_infer.h"
#include "protocol/grpc/infer_reply.h"
#include "protocol/http/http_infer.h"
#include "protocol/testing/bodies.h"

namespace muster {
namespace {

constexpr std::size_t kPixels = 784;

std::vector<float> pixels() {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> shade(0, 1);
  std::vector<float> values(kPixels);
  for (float& value : values)
    value = shade(random);
  return values;
}

// How clients spell floats.
enum Spelling : std::int64_t {
  kShortest,  // of a float: 0.6964692
  kDoubles,   // Python's, of the float as a double: 0.696469187736511
  kWhole,     // 1, 0
};

std::string json_request(std::int64_t spelling) {
  std::string data;
  for (const float value : pixels()) {
    std::array<char, 64> text{};
    char* const end = text.data() + text.size();
    const auto written = spelling == kShortest ? std::to_chars(text.data(), end, value)
                         : spelling == kDoubles
                             ? std::to_chars(text.data(), end, double{value})
                             : std::to_chars(text.data(), end, value > 0.5F ? 1 : 0);
    data += (data.empty() ? "" : ", ") + std::string(text.data(), written.ptr);
  }
  return R"({"inputs": [{"name": "input", "shape": [1, 1, 28, 28], "datatype": "FP32", "data": [)" +
         data + "]}]}";
}

void decode_json(benchmark::State& state) {
  const testing::Decoding decoding;
  const auto body = testing::body_of(json_request(state.range(0)));
  for (auto _ : state) {
    auto call = decode_http_infer(body, std::nullopt, decoding.context);
    if (!call.ok()) state.SkipWithError("refused");
    benchmark::DoNotOptimize(call);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(body->size()) * state.iterations());
}
BENCHMARK(decode_json)->Arg(kShortest)->Arg(kDoubles)->Arg(kWhole);

void simdjson_on_demand(benchmark::State& state) {
  const simdjson::padded_string body(json_request(state.range(0)));
  simdjson::ondemand::parser parser;
  std::vector<float> values;
  for (auto _ : state) {
    values.clear();
    simdjson::ondemand::document document;
    simdjson::ondemand::array inputs;
    simdjson::ondemand::array data;
    double value = 0;
    if (parser.iterate(body).get(document) != simdjson::SUCCESS ||
        document["inputs"].get_array().get(inputs) != simdjson::SUCCESS) {
      state.SkipWithError("refused");
    }
    for (auto input : inputs) {
      if (input["data"].get_array().get(data) != simdjson::SUCCESS) state.SkipWithError("refused");
      for (auto element : data) {
        if (element.get_double().get(value) != simdjson::SUCCESS) state.SkipWithError("refused");
        values.push_back(static_cast<float>(value));
      }
    }
    benchmark::DoNotOptimize(values.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(body.size()) * state.iterations());
}
BENCHMARK(simdjson_on_demand)->Arg(kShortest)->Arg(kDoubles)->Arg(kWhole);

void decode_binary(benchmark::State& state) {
  const testing::Decoding decoding;
  const std::string json =
      R"({"inputs":[{"name":"input","shape":[1,1,28,28],"datatype":"FP32","parameters":)"
      R"({"binary_data_size":3136}}],"outputs":[{"name":"scores","parameters":)"
      R"({"binary_data":true}}]})";
  const auto body = testing::body_of(json + testing::raw(pixels()));
  for (auto _ : state) {
    auto call = decode_http_infer(body, json.size(), decoding.context);
    if (!call.ok()) state.SkipWithError("refused");
    benchmark::DoNotOptimize(call);
  }
}
BENCHMARK(decode_binary);

void decode_grpc(benchmark::State& state) {
  const testing::Decoding decoding;
  ::inference::ModelInferRequest message;
  message.set_model_name("lenet");
  auto& input = *message.add_inputs();
  input.set_name("input");
  input.set_datatype("FP32");
  for (const std::int64_t dim : {1, 1, 28, 28})
    input.add_shape(dim);
  message.add_raw_input_contents(testing::raw(pixels()));
  message.add_outputs()->set_name("scores");
  const std::string bytes = message.SerializeAsString();
  InferMessage read;
  for (auto _ : state) {
    if (!read.read(bytes, decoding.limits).ok()) state.SkipWithError("refused");
    InferCall call;
    if (!decode_grpc_infer(read, decoding.context, call).ok()) state.SkipWithError("refused");
    benchmark::DoNotOptimize(call);
  }
}
BENCHMARK(decode_grpc);

InferResponse scores() {
  InferResponse response;
  response.outputs.push_back(
      testing::output_of<float>("scores", DataType::kFp32, {1, 10},
                                {-3.4176483F, 0.0023F, 1.5F, 11.280344F, -9.01234F, 2.7182817F,
                                 1e-7F, 0.3333333F, 7, -5.5F}));
  return response;
}

// The response goes back and forth, so that only the encoding is measured.
void encode_http(benchmark::State& state, const ReplyWishes& wishes) {
  HttpInferReply reply;
  reply.response = scores();
  reply.response.model = testing::model_of({}, {});
  for (auto _ : state) {
    InferResponse response = std::move(reply.response);
    if (!encode_http_infer(wishes, std::move(response), reply).ok()) state.SkipWithError("refused");
    benchmark::DoNotOptimize(reply.json.data());
  }
}
void encode_json(benchmark::State& state) {
  encode_http(state, {});
}
BENCHMARK(encode_json);
void encode_binary(benchmark::State& state) {
  ReplyWishes wishes;
  wishes.binary = true;
  encode_http(state, wishes);
}
BENCHMARK(encode_binary);
void encode_classes(benchmark::State& state) {
  ReplyWishes wishes;
  wishes.outputs.emplace_back().name = "scores";
  wishes.outputs.back().classes = 3;
  encode_http(state, wishes);
}
BENCHMARK(encode_classes);

void encode_grpc(benchmark::State& state) {
  InferResponse response = scores();
  response.model = testing::model_of({}, {});
  const ReplyWishes wishes;
  InferReply reply;
  std::vector<std::uint8_t> bytes;
  for (auto _ : state) {
    if (!reply.prepare(wishes, response).ok()) state.SkipWithError("refused");
    bytes.resize(reply.size());
    reply.write(bytes.data());
    benchmark::DoNotOptimize(bytes.data());
  }
}
BENCHMARK(encode_grpc);

}  // namespace
}  // namespace muster

BENCHMARK_MAIN();
