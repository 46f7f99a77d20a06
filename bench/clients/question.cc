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
#include "bench/load.h"
#include "bench/raw_runtime.h"
#include "client/remote_model.h"

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

std::string infer_path(const KnownModel& model) {
  return model_path(model.name) + "/infer";
}

std::vector<Question> binary_questions(const ServerAddress& server, const KnownModel& model,
                                       int count, std::int64_t timeout_us) {
  std::vector<std::int64_t> dims{1};
  dims.insert(dims.end(), model.row_shape.begin(), model.row_shape.end());
  const Shape shape{std::span<const std::int64_t>(dims)};
  std::vector<Question> questions;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const std::vector<float>& row = model.rows[i % model.rows.size()];
    const InferInput input{model.input, {DataType::kFp32, shape, std::as_bytes(std::span(row))}};
    const bool http = server.transport == Transport::kHttp;
    questions.push_back({expect(infer_request({server, ""}, model.name, {{input}},
                                              {http ? std::to_string(i) : "", timeout_us})),
                         ends_in(model.answers[i % model.rows.size()])});
  }
  return questions;
}

std::vector<Question> http_json_questions(const ServerAddress& server, const KnownModel& model,
                                          int count) {
  std::vector<Question> questions;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const std::string json = fmt::format(
        R"({{"id":"{}","inputs":[{{"name":"{}","shape":{},"datatype":"FP32","data":[{}]}}]}})", i,
        model.input, shape_text(model, 1), fmt::join(model.rows[i % model.rows.size()], ","));
    questions.push_back({http_request({server, ""}, "POST", infer_path(model), json),
                         [expected = model.answers[i % model.rows.size()]](std::string_view body) {
                           return has_data(body, expected);
                         }});
  }
  return questions;
}

}  // namespace muster::bench
