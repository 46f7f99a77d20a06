// SPDX-License-Identifier: Apache-2.0
#include "bench/raw_runtime.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>
#include <stdexcept>

namespace muster::bench {
namespace {

Ort::SessionOptions with(const RawThreads& threads) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(threads.count);
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  options.AddConfigEntry("session.intra_op.allow_spinning", threads.spin ? "1" : "0");
  options.AddConfigEntry("session.inter_op.allow_spinning", "0");
  return options;
}

std::vector<std::int64_t> shape_for(const Ort::TypeInfo& type, std::int64_t batch) {
  const auto tensor = type.GetTensorTypeAndShapeInfo();
  std::vector<std::int64_t> shape = tensor.GetShape();
  if (tensor.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || shape.empty() ||
      shape[0] >= 0 ||
      std::count_if(shape.begin(), shape.end(), [](auto dim) { return dim < 0; }) != 1) {
    throw std::runtime_error("the benchmark takes models of float32 with an open batch axis alone");
  }
  shape[0] = batch;
  return shape;
}

std::size_t elements(const std::vector<std::int64_t>& shape) {
  return static_cast<std::size_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
}

}  // namespace

std::vector<float> picture_like(std::size_t count) {
  std::mt19937 random(28);
  std::uniform_real_distribution<float> pixel(0.0F, 1.0F);
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(), [&] { return pixel(random); });
  return values;
}

RawRuntime::RawRuntime(const std::string& model_file, const RawThreads& threads)
    : env_(ORT_LOGGING_LEVEL_WARNING, "bench"), session_(env_, model_file.c_str(), with(threads)) {}

RawRuntime::Loop::Loop(RawRuntime& runtime, std::int64_t batch)
    : session_(runtime.session_), batch_(batch), binding_(runtime.session_) {
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
  const Ort::AllocatorWithDefaultOptions allocator;
  const auto value_of = [&](const Ort::TypeInfo& type) -> Ort::Value& {
    const std::vector<std::int64_t> shape = shape_for(type, batch);
    std::vector<float>& floats = memory_.emplace_back(picture_like(elements(shape)));
    return values_.emplace_back(Ort::Value::CreateTensor<float>(
        memory, floats.data(), floats.size(), shape.data(), shape.size()));
  };
  for (std::size_t i = 0; i < session_.GetInputCount(); ++i) {
    binding_.BindInput(session_.GetInputNameAllocated(i, allocator).get(),
                       value_of(session_.GetInputTypeInfo(i)));
  }
  for (std::size_t i = 0; i < session_.GetOutputCount(); ++i) {
    binding_.BindOutput(session_.GetOutputNameAllocated(i, allocator).get(),
                        value_of(session_.GetOutputTypeInfo(i)));
  }
}

std::string RawRuntime::input_name() {
  return session_.GetInputNameAllocated(0, Ort::AllocatorWithDefaultOptions()).get();
}

std::string RawRuntime::output_name() {
  return session_.GetOutputNameAllocated(0, Ort::AllocatorWithDefaultOptions()).get();
}

std::vector<std::int64_t> RawRuntime::row_shape() {
  std::vector<std::int64_t> shape = shape_for(session_.GetInputTypeInfo(0), 1);
  shape.erase(shape.begin());
  return shape;
}

std::string RawRuntime::version() {
  return std::string("ONNX Runtime ") + OrtGetApiBase()->GetVersionString();
}

}  // namespace muster::bench
