// SPDX-License-Identifier: Apache-2.0
// What clients hear of CUDA shared memory where there can be none: an empty list, and nothing to
// remove. They ask before they begin, to clean up what they may have left behind.
#pragma once

#include <string_view>
#include <vector>

#include "shared_memory/shared_memory_regions.h"

namespace muster {

[[nodiscard]] inline Result<std::vector<RegionStatus>> cuda_regions(
    const SharedMemoryRegions& regions, std::string_view name) {
  if (!regions.allowed() && name.empty()) return std::vector<RegionStatus>();
  if (!regions.allowed()) return not_found("there is no CUDA shared memory: it is off");
  return regions.status(name, RegionKind::kCuda);
}

[[nodiscard]] inline Status remove_cuda_regions(SharedMemoryRegions& regions,
                                                std::string_view name) {
  return regions.allowed() ? regions.remove(name, RegionKind::kCuda) : Status();
}

}  // namespace muster
