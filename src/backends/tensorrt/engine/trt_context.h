// SPDX-License-Identifier: Apache-2.0
// TrtContext: an execution context of TensorRT's as an EngineContext.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <NvInferRuntime.h>

#include "backends/tensorrt/engine/engine.h"

namespace muster::tensorrt {

// An OutputRoom as TensorRT asks for it.
class OutputAdapter final : public nvinfer1::IOutputAllocator {
 public:
  explicit OutputAdapter(OutputRoom& room) : room_(&room) {}
  void use(OutputRoom& room) noexcept { room_ = &room; }

  void* reallocateOutputAsync(const char* name, void* memory, std::uint64_t size,
                              std::uint64_t alignment, cudaStream_t stream) noexcept override;
  void notifyShape(const char* name, const nvinfer1::Dims& dims) noexcept override;

 private:
  OutputRoom* room_;
};

class TrtContext final : public EngineContext {
 public:
  // `engine`: whatever keeps the engine that `context` is of, with `ports` and `device`.
  TrtContext(std::shared_ptr<const void> engine, std::span<const EnginePort> ports, Device& device,
             std::unique_ptr<nvinfer1::IExecutionContext> context)
      : engine_(std::move(engine)), ports_(ports), device_(device), context_(std::move(context)) {}

  Status use_profile(int profile, const Stream& in) override;
  Status set_input_shape(std::size_t port, const Shape& shape) override;
  [[nodiscard]] Result<Shape> output_shape(std::size_t port) const override;
  Status bind(std::size_t port, void* memory) override;
  Status bind_growing(std::size_t port, OutputRoom& room) override;
  Status use_activations(void* memory, std::size_t size) override;
  Status enqueue(const Stream& in) override;

 private:
  [[nodiscard]] const char* name_of(std::size_t port) const {
    return ports_[port].spec.name.c_str();
  }

  const std::shared_ptr<const void> engine_;
  const std::span<const EnginePort> ports_;
  Device& device_;
  std::map<std::size_t, OutputAdapter> growing_;  // by port; outlives the context, which has them
  std::unique_ptr<nvinfer1::IExecutionContext> context_;
};

}  // namespace muster::tensorrt
