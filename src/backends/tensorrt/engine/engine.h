// SPDX-License-Identifier: Apache-2.0
// Engine: a model that was built for a GPU, and EngineContext: one run of it at a time.
//
// The seam between lanes and TensorRT's runtime, without a type of it: TrtEngine calls it,
// ScriptedEngine stands in for it in tests. Ports are numbered: inputs first, as in the signature,
// then outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <muster/backend.h>

#include "backends/tensorrt/device/device.h"

namespace muster::tensorrt {

// What a profile allows, by input.
struct ProfileRange {
  std::vector<Shape> min;
  std::vector<Shape> best;  // what it was tuned for
  std::vector<Shape> max;
};

struct EnginePort {
  TensorSpec spec;  // kDynamicDim where a profile leaves it open
  bool is_input = false;
  bool on_host = false;        // read or written by the engine in the host's memory (shape tensors)
  bool size_is_found = false;  // an output whose shape depends on the data
};

// Receives an output whose size is known only while it runs.
class OutputRoom {
 public:
  virtual ~OutputRoom() = default;
  // Room for `size` bytes of the device, aligned to 256; null where there is none. On the thread
  // that enqueues.
  virtual void* reserve(std::size_t size) noexcept = 0;
  virtual void shaped(const Shape& shape) noexcept = 0;
};

// One thread at a time. Per run: (use_profile) set_input_shape* bind* enqueue. What was set stays
// for later runs.
class EngineContext {
 public:
  virtual ~EngineContext() = default;

  // Takes effect in the stream's order; all shapes and bindings are to be set anew.
  virtual Status use_profile(int profile, const Stream& in) = 0;
  // Within the profile; else kInvalidArgument.
  virtual Status set_input_shape(std::size_t port, const Shape& shape) = 0;
  // After all inputs have shapes. kDynamicDim where the data decides.
  [[nodiscard]] virtual Result<Shape> output_shape(std::size_t port) const = 0;
  // `memory`: of the device, or of the host where the port is.
  virtual Status bind(std::size_t port, void* memory) = 0;
  virtual Status bind_growing(std::size_t port, OutputRoom& room) = 0;
  // Where activations lie from now on: at least Engine::activation_bytes of the profile in use.
  virtual Status use_activations(void* memory, std::size_t size) = 0;
  // Returns at once.
  virtual Status enqueue(const Stream& in) = 0;
};

// Immutable; any thread. Contexts end before it.
class Engine {
 public:
  virtual ~Engine() = default;

  [[nodiscard]] virtual std::span<const EnginePort> ports() const = 0;
  [[nodiscard]] virtual std::span<const ProfileRange> profiles() const = 0;
  [[nodiscard]] virtual std::size_t activation_bytes(int profile) const = 0;
  [[nodiscard]] virtual std::uint64_t weight_bytes() const = 0;  // of the device
  // One that brings no activations of its own. May take long: never between two batches.
  [[nodiscard]] virtual Result<std::unique_ptr<EngineContext>> new_context() const = 0;
  // "fp16", as it was built; "" = nobody wrote it down.
  [[nodiscard]] virtual std::string precision() const = 0;
};

}  // namespace muster::tensorrt
