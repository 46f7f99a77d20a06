// SPDX-License-Identifier: Apache-2.0
#include "nvml/visible_gpus.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::string_view kMig = "MIG-";
constexpr std::string_view kGpu = "GPU-";

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

bool are_alike(const std::vector<GpuIdentity>& gpus) {
  return std::ranges::all_of(gpus,
                             [&](const GpuIdentity& gpu) { return gpu.name == gpus.front().name; });
}

// The place of the one GPU whose UUID begins so.
std::optional<std::size_t> find_by_uuid(const std::vector<GpuIdentity>& gpus,
                                        std::string_view begin) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (!gpus[i].uuid.starts_with(begin)) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

// "MIG-" and a UUID of its own, or as drivers before R470 have it: "MIG-GPU-.../1/0".
std::optional<std::size_t> find_by_mig(
    const std::vector<GpuIdentity>& gpus, std::string_view name,
    const std::function<std::string(const std::string&)>& gpu_of_mig) {
  const std::string_view rest = name.substr(kMig.size());
  if (rest.starts_with(kGpu)) return find_by_uuid(gpus, rest.substr(0, rest.find('/')));
  const std::string uuid = gpu_of_mig(std::string(name));
  return uuid.empty() ? std::nullopt : find_by_uuid(gpus, uuid);
}

}  // namespace

VisibleGpus visible_gpus(const std::vector<GpuIdentity>& gpus, const CudaEnvironment& cuda,
                         const std::function<std::string(const std::string&)>& gpu_of_mig) {
  const VisibleGpus all{std::vector<bool>(gpus.size(), true), true};
  if (!cuda.visible_devices) return all;
  const bool counts_by_bus = cuda.device_order == "PCI_BUS_ID" || are_alike(gpus);
  VisibleGpus some{std::vector<bool>(gpus.size(), false), true};
  std::string_view rest = *cuda.visible_devices;
  while (true) {
    const std::string_view entry = rest.substr(0, rest.find(','));
    const std::string_view name = trimmed(entry);
    std::optional<std::size_t> place;
    if (name.starts_with(kMig)) {
      place = find_by_mig(gpus, name, gpu_of_mig);
    } else if (name.starts_with(kGpu)) {
      place = find_by_uuid(gpus, name);
    } else if (const auto number = parse_int(name);
               number && *number >= 0 && static_cast<std::uint64_t>(*number) < gpus.size()) {
      if (!counts_by_bus) return {all.visible, false};
      place = static_cast<std::size_t>(*number);
    }
    if (!place) return some;
    some.visible[*place] = true;
    if (entry.size() == rest.size()) return some;
    rest.remove_prefix(entry.size() + 1);
  }
}

}  // namespace muster
