// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/engine/trt_context.h"

#include "backends/tensorrt/device/cuda_stream.h"
#include "backends/tensorrt/engine/trt_failure.h"
#include "backends/tensorrt/engine/trt_types.h"
#include "base/text.h"

namespace muster::tensorrt {
namespace {

std::string quoted(const EnginePort& port) {
  return "'" + printable(port.spec.name) + "'";
}

}  // namespace

void* OutputAdapter::reallocateOutputAsync(const char* /*name*/, void* /*memory*/,
                                           std::uint64_t size, std::uint64_t /*alignment*/,
                                           cudaStream_t /*stream*/) noexcept {
  return room_->reserve(size);
}

void OutputAdapter::notifyShape(const char* /*name*/, const nvinfer1::Dims& dims) noexcept {
  // Up to eight dimensions: no memory is needed for more than Shape has inside, or a few bytes.
  try {
    if (const Result<Shape> shape = shape_of(dims); shape.ok()) room_->shaped(*shape);
  } catch (const std::exception&) {
    room_->shaped(Shape());
  }
}

Status TrtContext::use_profile(int profile, const Stream& in) {
  if (context_->setOptimizationProfileAsync(profile, cuda_stream(in))) return {};
  return trt_failure(device_, "use of profile " + std::to_string(profile));
}

Status TrtContext::set_input_shape(std::size_t port, const Shape& shape) {
  MUSTER_ASSIGN_OR_RETURN(const nvinfer1::Dims dims, dims_of(shape));
  if (context_->setInputShape(name_of(port), dims)) return {};
  const Status failed =
      trt_failure(device_, "input " + quoted(ports_[port]) + " of shape " + shape.to_string());
  if (failed.code() != StatusCode::kInternal) return failed;
  return invalid_argument(std::string(failed.message()));
}

Result<Shape> TrtContext::output_shape(std::size_t port) const {
  Result<Shape> shape = shape_of(context_->getTensorShape(name_of(port)));
  if (shape.ok()) return shape;
  return trt_failure(device_, "the shape of output " + quoted(ports_[port]));
}

Status TrtContext::bind(std::size_t port, void* memory) {
  if (context_->setTensorAddress(name_of(port), memory)) return {};
  return trt_failure(device_, "memory for " + quoted(ports_[port]));
}

Status TrtContext::bind_growing(std::size_t port, OutputRoom& room) {
  const auto [place, made] = growing_.try_emplace(port, room);
  place->second.use(room);
  if (!made) return {};
  if (context_->setOutputAllocator(name_of(port), &place->second)) return {};
  return trt_failure(device_, "memory for " + quoted(ports_[port]));
}

Status TrtContext::use_activations(void* memory, std::size_t size) {
  // Tells nothing of its own; what is too little is found when a batch is enqueued.
  context_->setDeviceMemoryV2(memory, static_cast<std::int64_t>(size));
  return {};
}

Status TrtContext::enqueue(const Stream& in) {
  if (context_->enqueueV3(cuda_stream(in))) return {};
  return trt_failure(device_, "a batch");
}

}  // namespace muster::tensorrt
