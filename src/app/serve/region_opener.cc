// SPDX-License-Identifier: Apache-2.0
#include "app/serve/region_opener.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <muster/backend.h>

#include "serving/backend_library.h"

namespace muster {

RegionOpener make_region_opener(std::string backend) {
  return [name = std::move(backend), opened = std::make_shared<std::shared_ptr<Backend>>()](
             std::span<const std::byte> handle, int device,
             std::size_t size) -> Result<std::shared_ptr<const DeviceRegion>> {
    if (*opened == nullptr) {
      MUSTER_ASSIGN_OR_RETURN(*opened, open_backend(name));
    }
    return (*opened)->open_region(handle, device, size);
  };
}

bool may_open_regions(const std::string& backend) {
  const std::vector<std::string> installed = installed_backends();
  return std::ranges::find(installed, backend) != installed.end();
}

}  // namespace muster
