// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/lanes/lane_body.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace muster::tensorrt {

void GrowingOutput::begin() noexcept {
  outgrown_.clear();
  shaped_ = false;
  failure_ = {};
}

void* GrowingOutput::reserve(std::size_t size) noexcept {
  if (memory_ && memory_.size() >= size) return memory_.get();
  // The engine calls from the midst of a run, where no exception may pass.
  try {
    Result<DeviceMemory> larger = device_->allocate(std::max<std::size_t>(size, 1));
    if (!larger.ok()) {
      failure_ = std::move(larger).status();
      return nullptr;
    }
    if (memory_) outgrown_.push_back(std::move(memory_));
    memory_ = *std::move(larger);
    return memory_.get();
  } catch (const std::exception&) {
    return nullptr;
  }
}

void GrowingOutput::shaped(const Shape& shape) noexcept {
  try {
    shape_ = shape;
    shaped_ = true;
  } catch (const std::exception&) {
    shaped_ = false;
  }
}

Result<void*> GrowingOutput::host_room(std::size_t bytes) {
  if (bytes > memory_.size()) {
    return internal_error("the engine wrote " + std::to_string(bytes) +
                          " bytes of an output and asked for " + std::to_string(memory_.size()));
  }
  if (!host_ || host_.size() < bytes) {
    host_ = PinnedMemory();  // first: both may not fit at a time
    MUSTER_ASSIGN_OR_RETURN(host_, device_->allocate_pinned(std::max<std::size_t>(bytes, 1)));
  }
  return host_.get();
}

std::uint64_t LaneBody::device_bytes() const noexcept {
  std::uint64_t sum = activations.size();
  for (const DeviceMemory& memory : device)
    sum += memory.size();
  for (const auto& output : growing)
    sum += output ? output->memory().size() : 0;
  return sum;
}

}  // namespace muster::tensorrt
