// SPDX-License-Identifier: Apache-2.0
// Opens clients' memory of GPUs by a backend, as the program itself knows no CUDA.
#pragma once

#include <string>

#include "shared_memory/cuda_region.h"

namespace muster {

// `backend`: its name. It is opened with the first region, and kept as long as what is returned;
// where that fails, the next region tries again.
[[nodiscard]] RegionOpener make_region_opener(std::string backend);
// Whether the server has that backend at all.
[[nodiscard]] bool may_open_regions(const std::string& backend);

}  // namespace muster
