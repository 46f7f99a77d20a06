// SPDX-License-Identifier: Apache-2.0
// Models for FakeBackend, and the requests they take.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <muster/inference.h>

#include "serving/testing/fake_backend.h"

namespace muster::testing {

inline TensorSpec fp32(std::string name, Shape shape) {
  return {std::move(name), DataType::kFp32, std::move(shape), {}};
}

inline Tensor floats(Shape shape, const std::vector<float>& values) {
  return *Tensor::copy_of(DataType::kFp32, std::move(shape), std::as_bytes(std::span(values)));
}

inline std::vector<float> values_of(const Tensor& tensor) {
  const auto elements = tensor.elements<float>();
  return {elements.begin(), elements.end()};
}

// One row of linear_model's output for one row of its input.
inline std::vector<float> linear(float a, float b) {
  return {2 * a - b + 1, a + 0.5F * b};
}

// x [N,2] -> y [N,2], a matrix and a bias.
inline std::shared_ptr<FakeModel> linear_model() {
  auto model = std::make_shared<FakeModel>();
  model->signature = {{fp32("x", {-1, 2})}, {fp32("y", {-1, 2})}};
  model->compute = [](const Inputs& inputs) -> Result<Outputs> {
    const auto x = inputs[0].elements<float>();
    std::vector<float> y;
    for (std::size_t i = 0; i < x.size(); i += 2) {
      for (const float value : linear(x[i], x[i + 1]))
        y.push_back(value);
    }
    Outputs outputs;
    outputs.push_back(floats(inputs[0].shape, y));
    return outputs;
  };
  return model;
}

// a [N,2], b [N,1] -> sum [N,2], difference [N,2], largest [1]: the last does not follow the rows.
inline std::shared_ptr<FakeModel> arithmetic_model() {
  auto model = std::make_shared<FakeModel>();
  model->signature = {{fp32("a", {-1, 2}), fp32("b", {-1, 1})},
                      {fp32("sum", {-1, 2}), fp32("largest", {-1}), fp32("difference", {-1, 2})}};
  model->compute = [](const Inputs& inputs) -> Result<Outputs> {
    const auto a = inputs[0].elements<float>();
    const auto b = inputs[1].elements<float>();
    std::vector<float> sum;
    std::vector<float> difference;
    float largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      sum.push_back(a[i] + b[i / 2]);
      difference.push_back(a[i] - b[i / 2]);
      largest = std::max(largest, a[i]);
    }
    Outputs outputs;
    outputs.push_back(floats(inputs[0].shape, sum));
    outputs.push_back(floats({1}, {largest}));
    outputs.push_back(floats(inputs[0].shape, difference));
    return outputs;
  };
  return model;
}

// words FP32 [N,-1] -> total [N,1]: rows of any length, added up.
inline std::shared_ptr<FakeModel> total_model() {
  auto model = std::make_shared<FakeModel>();
  model->signature = {{fp32("words", {-1, -1})}, {fp32("total", {-1, 1})}};
  model->compute = [](const Inputs& inputs) -> Result<Outputs> {
    const auto words = inputs[0].elements<float>();
    const auto length = static_cast<std::size_t>(inputs[0].shape[1]);
    std::vector<float> totals(static_cast<std::size_t>(inputs[0].shape[0]), 0);
    for (std::size_t i = 0; i < words.size(); ++i)
      totals[i / length] += words[i];
    Outputs outputs;
    outputs.push_back(floats({inputs[0].shape[0], 1}, totals));
    return outputs;
  };
  return model;
}

// text BYTES [N,1] -> text twice over.
inline std::shared_ptr<FakeModel> echo_model() {
  auto model = std::make_shared<FakeModel>();
  const TensorSpec text{"text", DataType::kBytes, {-1, 1}, {}};
  model->signature = {{text}, {{"twice", DataType::kBytes, {-1, 1}, {}}}};
  model->compute = [](const Inputs& inputs) -> Result<Outputs> {
    MUSTER_ASSIGN_OR_RETURN(const auto words, bytes_elements(inputs[0]));
    std::vector<std::string> twice;
    for (const std::string_view word : words)
      twice.push_back(std::string(word) + std::string(word));
    const std::vector<std::string_view> views(twice.begin(), twice.end());
    MUSTER_ASSIGN_OR_RETURN(Tensor output, Tensor::of_strings(inputs[0].shape, views));
    Outputs outputs;
    outputs.push_back(std::move(output));
    return outputs;
  };
  return model;
}

// in [3] -> out [3], negated: no batch axis.
inline std::shared_ptr<FakeModel> fixed_model() {
  auto model = std::make_shared<FakeModel>();
  model->signature = {{fp32("in", {3})}, {fp32("out", {3})}};
  model->compute = [](const Inputs& inputs) -> Result<Outputs> {
    std::vector<float> negated;
    for (const float value : inputs[0].elements<float>())
      negated.push_back(-value);
    Outputs outputs;
    outputs.push_back(floats(inputs[0].shape, negated));
    return outputs;
  };
  return model;
}

inline InferRequest request_of(const std::string& input, Tensor tensor, std::string id = "") {
  InferRequest request;
  request.id = std::move(id);
  request.add_input(input, std::move(tensor));
  return request;
}

// One row for linear_model.
inline InferRequest linear_request(float a, float b, std::string id = "") {
  return request_of("x", floats({1, 2}, {a, b}), std::move(id));
}

}  // namespace muster::testing
