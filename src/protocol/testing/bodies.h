// SPDX-License-Identifier: Apache-2.0
// Requests, responses and models for the tests of the protocol.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <muster/inference.h>

#include "base/check.h"
#include "inference/tensor_source.h"
#include "protocol/infer_call.h"
#include "protocol/request_body.h"

namespace muster::testing {

inline std::shared_ptr<const RequestBody> body_of(std::string_view text) {
  auto body = std::make_shared<RequestBody>(std::size_t{1} << 30);
  (void)body->append(std::as_bytes(std::span(text)));
  return body;
}

template <typename T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
std::vector<T> elements_of(const TensorView& tensor) {
  // Views into a body need not be aligned.
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(T));
  return values;
}

// As a batch would, where they are still in shared memory.
template <typename T>
std::vector<T> elements_of(const InferInput& input) {
  if (!input.source) return elements_of<T>(input.tensor);
  std::vector<T> values(input.source->size() / sizeof(T));
  MUSTER_CHECK(input.source->read(0, std::as_writable_bytes(std::span(values))).ok());
  return values;
}

template <typename T>
InferOutput output_of(std::string name, DataType type, const Shape& shape,
                      const std::vector<T>& values) {
  return {std::move(name), *Tensor::copy_of(type, shape, std::as_bytes(std::span(values)))};
}

// "m", version 3, with a batch axis, one input and one output.
inline std::shared_ptr<ModelDescription> model_of(TensorSpec input, TensorSpec output) {
  auto model = std::make_shared<ModelDescription>();
  model->version = 3;
  model->config.name = "m";
  model->config.backend = "onnxruntime";
  model->config.batching.max_batch_size = 8;
  model->config.inputs = {std::move(input)};
  model->config.outputs = {std::move(output)};
  return model;
}

// A context that a test can change.
struct Decoding {
  ProtocolLimits limits;
  SharedMemoryRegions regions{true};
  DecodeContext context{&limits, &regions, TimePoint(std::chrono::hours(1)), nullptr};
};

}  // namespace muster::testing
