// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/engine/trial_run.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <memory>
#include <utility>
#include <vector>

namespace muster::tensorrt {
namespace {

// What data decides on has as much as it asks for.
class FoundRoom final : public OutputRoom {
 public:
  explicit FoundRoom(Device& device) : device_(device) {}
  void* reserve(std::size_t size) noexcept override {
    Result<DeviceMemory> memory = device_.allocate(std::max<std::size_t>(size, 1));
    if (!memory.ok()) return nullptr;
    memory_ = std::move(memory).value();
    return memory_.get();
  }
  void shaped(const Shape& /*shape*/) noexcept override {}

 private:
  Device& device_;
  DeviceMemory memory_;
};

// In this order: the context ends before the memory that it was told of.
struct Trial {
  explicit Trial(Device& of) : device(of) {}
  Device& device;
  Stream stream;
  std::list<PinnedMemory> host;
  std::list<DeviceMemory> memory;
  std::list<FoundRoom> found;
  std::unique_ptr<EngineContext> context;
};

Result<void*> zeros(Trial& trial, std::size_t size, bool on_host) {
  MUSTER_ASSIGN_OR_RETURN(PinnedMemory host, trial.device.allocate_pinned(size));
  std::memset(host.get(), 0, size);
  trial.host.push_back(std::move(host));
  if (on_host) return trial.host.back().get();
  MUSTER_ASSIGN_OR_RETURN(DeviceMemory memory, trial.device.allocate(size));
  trial.memory.push_back(std::move(memory));
  void* const there = trial.memory.back().get();
  MUSTER_RETURN_IF_ERROR(trial.device.copy_in(there, trial.host.back().get(), size, trial.stream));
  return there;
}

Status bind_zeros(Trial& trial, const EnginePort& port, std::size_t index, const Shape& shape) {
  MUSTER_ASSIGN_OR_RETURN(const std::size_t size, byte_size(port.spec.type, shape));
  MUSTER_ASSIGN_OR_RETURN(void* const memory,
                          zeros(trial, std::max<std::size_t>(size, 1), port.on_host));
  return trial.context->bind(index, memory);
}

Status bind_output(Trial& trial, const EnginePort& port, std::size_t index) {
  if (port.size_is_found) {
    trial.found.emplace_back(trial.device);
    return trial.context->bind_growing(index, trial.found.back());
  }
  MUSTER_ASSIGN_OR_RETURN(const Shape shape, trial.context->output_shape(index));
  return bind_zeros(trial, port, index, shape);
}

Status run(Trial& trial, const Engine& engine) {
  MUSTER_RETURN_IF_ERROR(trial.context->use_profile(0, trial.stream));
  const std::size_t activations = engine.activation_bytes(0);
  MUSTER_ASSIGN_OR_RETURN(DeviceMemory memory, trial.device.allocate(activations));
  trial.memory.push_back(std::move(memory));
  MUSTER_RETURN_IF_ERROR(trial.context->use_activations(trial.memory.back().get(), activations));
  const std::span<const EnginePort> ports = engine.ports();
  const std::vector<Shape>& smallest = engine.profiles().front().min;
  for (std::size_t i = 0; i < smallest.size(); ++i) {
    MUSTER_RETURN_IF_ERROR(trial.context->set_input_shape(i, smallest[i]));
    MUSTER_RETURN_IF_ERROR(bind_zeros(trial, ports[i], i, smallest[i]));
  }
  for (std::size_t i = smallest.size(); i < ports.size(); ++i)
    MUSTER_RETURN_IF_ERROR(bind_output(trial, ports[i], i));
  return trial.context->enqueue(trial.stream);
}

}  // namespace

Status try_on_zeros(Device& device, const Engine& engine) {
  // Zeros in place of what says how large something is are no batch that the profile allows.
  if (std::ranges::any_of(engine.ports(),
                          [](const EnginePort& port) { return port.is_input && port.on_host; })) {
    return {};
  }
  Trial trial(device);
  MUSTER_ASSIGN_OR_RETURN(trial.stream, device.new_stream());
  MUSTER_ASSIGN_OR_RETURN(trial.context, engine.new_context());
  const Status ran = run(trial, engine);
  // Also after a failure: what was begun uses the memory.
  const Status ended = device.wait_all(trial.stream);
  return ran.ok() ? ended : ran;
}

}  // namespace muster::tensorrt
