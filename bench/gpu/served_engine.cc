// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/served_engine.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "bench/calls.h"
#include "client/server_call.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModel = "engine";
constexpr std::chrono::seconds kTimeToLoad{120};
constexpr float kTolerance = 0.02F;  // of the largest value: other batches have other kernels

TemporaryFolder repository_of(const ServiceShape& shape) {
  TemporaryFolder folder = expect(TemporaryFolder::make("muster-bench"));
  lay_out_model(folder.path() / kModel, shape);
  return folder;
}

std::vector<std::string> command(const std::string& program, const fs::path& repository,
                                 const std::vector<std::string>& words) {
  std::vector<std::string> line = {program,          "serve", "--models",  repository.string(),
                                   "--http-port",    "0",     "--no-grpc", "--no-metrics",
                                   "--shared-memory"};
  line.insert(line.end(), words.begin(), words.end());
  return line;
}

// Where the rows of one question are, and what comes of them.
struct Place {
  std::size_t input = 0;
  std::size_t output = 0;
  std::vector<float> expected;
};

bool about_equal(std::span<const float> got, std::span<const float> expected) {
  float largest = 0;
  for (const float value : expected)
    largest = std::max(largest, std::abs(value));
  return std::ranges::equal(
      got, expected, [&](float a, float b) { return std::abs(a - b) <= kTolerance * largest; });
}

// What was right is overwritten, so that it is not taken for the next answer.
bool right_in_memory(SharedBytes& memory, const Place& place) {
  std::vector<float> got(place.expected.size());
  memory.get(place.output, std::as_writable_bytes(std::span(got)));
  const bool right = about_equal(got, place.expected);
  std::ranges::fill(got, -1e9F);
  memory.put(place.output, std::as_bytes(std::span(got)));
  return right;
}

std::string in_region(const std::string& region, std::size_t offset, std::size_t size) {
  return fmt::format(R"("parameters":{{"shared_memory_region":"{}","shared_memory_offset":{},)"
                     R"("shared_memory_byte_size":{}}})",
                     region, offset, size);
}

}  // namespace

ServedEngine::ServedEngine(const std::string& program, const ServiceShape& shape,
                           const std::vector<std::string>& words)
    : repository_(repository_of(shape)), process_(command(program, repository_.path(), words)) {
  const int port = process_.wait_for_number_behind("http 127.0.0.1:");
  http_ = {Transport::kHttp, "127.0.0.1", static_cast<std::uint16_t>(port), ""};
  const auto start = WallClock::now();
  while (http_exchange(http_, "GET", fmt::format("/v2/models/{}/ready", kModel)).code != 200) {
    if (WallClock::now() - start > kTimeToLoad)
      throw std::runtime_error("the server does not load the engine");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Asked ServedEngine::asked() const {
  return {http_, process_.pid()};
}

SharedQuestions::SharedQuestions(Sharing sharing, const ServedEngine& server,
                                 const RawEngine::Facts& facts, ModelService& reference, int count,
                                 std::int64_t rows) {
  const ServerAddress http = server.asked().address;
  const TensorSpec& output = reference.signature().outputs.at(0);
  if (output.type != DataType::kFp32) throw std::runtime_error("the engine's output is not FP32");
  const std::size_t input_bytes = facts.row_bytes * static_cast<std::size_t>(rows);
  const std::size_t output_bytes = facts.output_row_bytes * static_cast<std::size_t>(rows);
  const std::size_t stride = input_bytes + output_bytes;
  memory_ = SharedBytes::of(sharing, stride * static_cast<std::size_t>(count), http);
  Shape shape{std::span<const std::int64_t>(facts.shape)};
  shape.set(0, rows);
  const DataType type = facts.of_bytes ? DataType::kUint8 : DataType::kFp32;
  const std::vector<std::byte> values =
      random_rows(input_bytes * static_cast<std::size_t>(count), facts.of_bytes);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const auto mine = std::span(values).subspan(i * input_bytes, input_bytes);
    Place place{i * stride, i * stride + input_bytes, {}};
    memory_->put(place.input, mine);
    InferRequest request;
    request.add_input(facts.input, TensorView{type, shape, mine});
    const InferResponse response = expect(reference.infer(std::move(request)));
    const auto answer = response.outputs.at(0).tensor.elements<float>();
    place.expected.assign(answer.begin(), answer.end());
    const std::string json =
        fmt::format(R"({{"id":"{}","inputs":[{{"name":"{}","shape":{},"datatype":"{}",{}}}],)"
                    R"("outputs":[{{"name":"{}",{}}}]}})",
                    i, facts.input, shape.to_string(), data_type_name(type),
                    in_region(memory_->name(), place.input, input_bytes), output.name,
                    in_region(memory_->name(), place.output, output_bytes));
    questions_.push_back(
        {http_request({http, ""}, "POST", fmt::format("/v2/models/{}/infer", kModel), json),
         [memory = memory_.get(), place = std::move(place)](std::string_view) {
           return right_in_memory(*memory, place);
         }});
  }
}

}  // namespace muster::bench
