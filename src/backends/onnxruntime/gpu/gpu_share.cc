// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/gpu/gpu_share.h"

#include <algorithm>

namespace muster::onnxruntime {
namespace {

#if ORT_API_VERSION >= 23
std::vector<Place> places_in(const std::vector<Ort::ConstMemoryInfo>& memories, const Gpu* gpu) {
  std::vector<Place> places;
  for (const Ort::ConstMemoryInfo& memory : memories) {
    const OrtMemoryInfoDeviceType type = memory.GetDeviceType();
    const bool is_ours = gpu != nullptr && type == OrtMemoryInfoDeviceType_GPU &&
                         memory.GetDeviceId() == gpu->number();
    if (type == OrtMemoryInfoDeviceType_CPU) {
      places.push_back(Place::kHost);
    } else {
      places.push_back(is_ours ? Place::kGpu : Place::kElsewhere);
    }
  }
  return places;
}
#endif

}  // namespace

#if ORT_API_VERSION >= 23
TensorPlaces places_of(const Ort::Session& session, const Gpu* gpu) {
  return {places_in(session.GetMemoryInfoForInputs(), gpu),
          places_in(session.GetMemoryInfoForOutputs(), gpu)};
}
#else
// The runtime does not tell.
TensorPlaces places_of(const Ort::Session& session, const Gpu* /*gpu*/) {
  return {std::vector(session.GetInputCount(), Place::kElsewhere),
          std::vector(session.GetOutputCount(), Place::kElsewhere)};
}
#endif

DeviceMemoryUse GpuShare::memory() const noexcept {
  if (setup_.gpu == nullptr) return {};
  const std::int64_t sessions = std::max<std::int64_t>(0, session_bytes_);
  return {setup_.gpu->number(), setup_.load_bytes, static_cast<std::uint64_t>(sessions)};
}

std::optional<int> GpuShare::next_graph() noexcept {
  if (!setup_.graphs || !uses_graphs_ || graphs_ >= setup_.graph_limit) return std::nullopt;
  // From 1 on: 0 is the number of runs that say none.
  const int number = ++graphs_;
  return number <= setup_.graph_limit ? std::optional(number) : std::nullopt;
}

}  // namespace muster::onnxruntime
