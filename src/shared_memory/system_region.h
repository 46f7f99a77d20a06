// SPDX-License-Identifier: Apache-2.0
// A region of POSIX shared memory: mapped behind a guard, so that a client that shrinks its object
// gets an error instead of ending this process.
#pragma once

#include <memory>

#include "shared_memory/memory_region.h"

namespace muster {

// Opens `status.key`, "/name" or "name" and no path. kInvalidArgument: there is no such object, or
// the region does not lie in it.
[[nodiscard]] Result<std::shared_ptr<const MemoryRegion>> open_system_region(RegionStatus status,
                                                                             MappedBytes bytes);

}  // namespace muster
