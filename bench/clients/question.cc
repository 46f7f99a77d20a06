// SPDX-License-Identifier: Apache-2.0
#include "bench/clients/question.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

#include <fmt/format.h>

#include "bench/clients/question_text.h"
#include "bench/raw_runtime.h"

namespace muster::bench {
namespace {

constexpr std::size_t kDifferentRows = 8;

std::size_t elements_of_row(const KnownModel& model) {
  std::size_t count = 1;
  for (const std::int64_t dim : model.row_shape)
    count *= static_cast<std::size_t>(dim);
  return count;
}

std::vector<std::vector<float>> different_rows(std::size_t size) {
  std::vector<std::vector<float>> rows(kDifferentRows);
  std::mt19937 random(28);
  std::uniform_real_distribution<float> pixel(0.0F, 1.0F);
  for (auto& row : rows) {
    for (std::size_t i = 0; i < size; ++i)
      row.push_back(pixel(random));
  }
  return rows;
}

std::string timeout_parameter(std::int64_t timeout_us) {
  return timeout_us == 0 ? "" : fmt::format("\"timeout\":{},", timeout_us);
}

std::function<bool(std::string_view)> ends_in(const std::vector<float>& expected) {
  return [expected](std::string_view body) {
    const std::size_t size = expected.size() * sizeof(float);
    if (body.size() < size) return false;
    std::vector<float> values(expected.size());
    std::memcpy(values.data(), body.data() + body.size() - size, size);
    return about_equal(values.data(), expected);
  };
}

bool has_data(std::string_view body, const std::vector<float>& expected) {
  constexpr std::string_view kData = "\"data\":[";
  const std::size_t begin = body.find(kData);
  if (begin == std::string_view::npos) return false;
  const std::string text(body.substr(begin + kData.size()));
  const char* next = text.c_str();
  std::vector<float> values;
  while (*next != ']' && *next != '\0') {
    char* end = nullptr;
    values.push_back(std::strtof(next, &end));
    if (end == next) return false;
    next = *end == ',' ? end + 1 : end;
  }
  return values.size() == expected.size() && about_equal(values.data(), expected);
}

// Protobuf's wire format, as far as a request needs it.
void append_varint(std::string& out, std::uint64_t value) {
  for (; value > 127; value >>= 7)
    out += static_cast<char>(value | 128);
  out += static_cast<char>(value);
}

void append_field(std::string& out, int number, std::string_view bytes) {
  append_varint(out, static_cast<std::uint64_t>(number) << 3 | 2);
  append_varint(out, bytes.size());
  out += bytes;
}

std::string grpc_message(const KnownModel& model, const std::vector<float>& row,
                         std::int64_t timeout_us) {
  std::string shape("\x01");
  for (const std::int64_t dim : model.row_shape)
    append_varint(shape, static_cast<std::uint64_t>(dim));
  std::string input;
  append_field(input, 1, model.input);
  append_field(input, 2, "FP32");
  append_field(input, 3, shape);
  std::string message;
  append_field(message, 1, model.name);
  if (timeout_us > 0) {
    std::string value("\x10");  // int64_param
    append_varint(value, static_cast<std::uint64_t>(timeout_us));
    std::string entry;
    append_field(entry, 1, "timeout");
    append_field(entry, 2, value);
    append_field(message, 4, entry);
  }
  append_field(message, 5, input);
  append_field(message, 7, bytes_of(row));
  return message;
}

KnownModel scripted_model(const std::filesystem::path& folder) {
  KnownModel model{folder.filename(), "INPUT0", "OUTPUT0", {16}, {}, {}};
  model.rows = model.answers = different_rows(elements_of_row(model));
  return model;
}

}  // namespace

std::string shape_text(const KnownModel& model, std::int64_t rows) {
  std::string text = fmt::format("[{}", rows);
  for (const std::int64_t dim : model.row_shape)
    text += fmt::format(",{}", dim);
  return text + ']';
}

std::string http_infer_request(const KnownModel& model, const std::string& body,
                               std::size_t header_length) {
  return fmt::format(
      "POST /v2/models/{}/infer HTTP/1.1\r\nHost: localhost\r\nUser-Agent: muster-bench\r\n"
      "Accept: */*\r\nContent-Type: {}\r\n{}Content-Length: {}\r\n\r\n{}",
      model.name, header_length > 0 ? "application/octet-stream" : "application/json",
      header_length > 0 ? fmt::format("Inference-Header-Content-Length: {}\r\n", header_length)
                        : "",
      body.size(), body);
}

std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

bool about_equal(const float* values, const std::vector<float>& expected) {
  for (const float value : expected) {
    if (!(std::abs(*values++ - value) <= 1e-3F + 1e-4F * std::abs(value))) return false;
  }
  return true;
}

KnownModel know_model(const std::string& folder) {
  const std::filesystem::path path = std::filesystem::path(folder).lexically_normal();
  const std::filesystem::path file = path / "1" / "model.onnx";
  if (!std::filesystem::exists(file)) return scripted_model(path);
  RawRuntime runtime(file);
  RawRuntime::Loop loop(runtime, 1);
  KnownModel model{
      path.filename(), runtime.input_name(), runtime.output_name(), runtime.row_shape(), {}, {}};
  model.rows = different_rows(elements_of_row(model));
  for (const auto& row : model.rows) {
    loop.input() = row;
    loop.run();
    model.answers.push_back(loop.output());
  }
  return model;
}

std::vector<Question> http_binary_questions(const KnownModel& model, int count,
                                            std::int64_t timeout_us) {
  std::vector<Question> questions;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const std::vector<float>& row = model.rows[i % model.rows.size()];
    const std::string json = fmt::format(
        R"({{"id":"{}","parameters":{{{}"binary_data_output":true}},"inputs":[{{"name":"{}",)"
        R"("shape":{},"datatype":"FP32","parameters":{{"binary_data_size":{}}}}}]}})",
        i, timeout_parameter(timeout_us), model.input, shape_text(model, 1),
        row.size() * sizeof(float));
    questions.push_back({http_infer_request(model, json + bytes_of(row), json.size()),
                         ends_in(model.answers[i % model.rows.size()])});
  }
  return questions;
}

std::vector<Question> http_json_questions(const KnownModel& model, int count) {
  std::vector<Question> questions;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const std::string json = fmt::format(
        R"({{"id":"{}","inputs":[{{"name":"{}","shape":{},"datatype":"FP32","data":[{}]}}]}})", i,
        model.input, shape_text(model, 1), fmt::join(model.rows[i % model.rows.size()], ","));
    questions.push_back({http_infer_request(model, json, 0),
                         [expected = model.answers[i % model.rows.size()]](std::string_view body) {
                           return has_data(body, expected);
                         }});
  }
  return questions;
}

std::vector<Question> grpc_questions(const KnownModel& model, int count, std::int64_t timeout_us) {
  std::vector<Question> questions;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    questions.push_back({grpc_message(model, model.rows[i % model.rows.size()], timeout_us),
                         ends_in(model.answers[i % model.rows.size()])});
  }
  return questions;
}

}  // namespace muster::bench
