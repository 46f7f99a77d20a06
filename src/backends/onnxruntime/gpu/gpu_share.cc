// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/gpu/gpu_share.h"

#include <algorithm>
#include <string>

#include "base/log.h"

namespace muster::onnxruntime {
namespace {

TensorPlaces all_elsewhere(const Ort::Session& session) {
  return {std::vector(session.GetInputCount(), Place::kElsewhere),
          std::vector(session.GetOutputCount(), Place::kElsewhere)};
}

#if ORT_API_VERSION >= 23
Place place_of(const Ort::ConstMemoryInfo& memory, const Gpu* gpu) {
  const OrtMemoryInfoDeviceType type = memory.GetDeviceType();
  if (type == OrtMemoryInfoDeviceType_CPU) return Place::kHost;
  // Memory of the host that the device sees counts as the device's, too.
  const bool is_ours = gpu != nullptr && type == OrtMemoryInfoDeviceType_GPU &&
                       memory.GetDeviceMemoryType() == OrtDeviceMemoryType_DEFAULT &&
                       memory.GetDeviceId() == gpu->number();
  return is_ours ? Place::kGpu : Place::kElsewhere;
}

std::vector<Place> places_in(const std::vector<Ort::ConstMemoryInfo>& memories, const Gpu* gpu) {
  std::vector<Place> places;
  for (const Ort::ConstMemoryInfo& memory : memories)
    places.push_back(place_of(memory, gpu));
  return places;
}
#endif

}  // namespace

#if ORT_API_VERSION >= 23
TensorPlaces places_of(const Ort::Session& session, const Gpu* gpu) {
  try {
    return {places_in(session.GetMemoryInfoForInputs(), gpu),
            places_in(session.GetMemoryInfoForOutputs(), gpu)};
  } catch (const Ort::Exception&) {
    // There are models of which it cannot tell.
    return all_elsewhere(session);
  }
}
#else
TensorPlaces places_of(const Ort::Session& session, const Gpu* /*gpu*/) {
  return all_elsewhere(session);
}
#endif

DeviceMemoryUse GpuShare::memory() const noexcept {
  if (setup_.gpu == nullptr) return {};
  const std::int64_t sessions = std::max<std::int64_t>(0, session_bytes_);
  return {setup_.gpu->number(), setup_.load_bytes, static_cast<std::uint64_t>(sessions)};
}

std::optional<int> GpuShare::next_graph() {
  if (!setup_.graphs || !uses_graphs_) return std::nullopt;
  // From 1 on: 0 is the number of runs that say none.
  if (graphs_ < setup_.graph_limit) {
    const int number = ++graphs_;
    if (number <= setup_.graph_limit) return number;
  }
  if (!says_no_more_.exchange(true)) {
    log(LogLevel::kInfo, "onnxruntime: a model has recorded all of the " +
                             std::to_string(setup_.graph_limit) +
                             " CUDA graphs that it may (cuda_graphs); other batches run without");
  }
  return std::nullopt;
}

}  // namespace muster::onnxruntime
