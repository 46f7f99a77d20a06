// SPDX-License-Identifier: Apache-2.0
#include "nvml/gpu_inventory.h"

#include "nvml/gpu_list.h"

namespace muster {
namespace {

Result<GpuInventory> take_inventory(const CudaEnvironment& cuda, const std::string& library) {
  MUSTER_ASSIGN_OR_RETURN(const nvml::Calls calls, nvml::open_library(library));
  MUSTER_ASSIGN_OR_RETURN(const std::unique_ptr<GpuList> list, GpuList::make(calls));
  GpuInventory inventory;
  inventory.driver = list->driver_version();
  inventory.cuda = list->cuda_version();
  const VisibleGpus visible = list->visible(cuda);
  for (std::size_t i = 0; i < list->gpus().size(); ++i) {
    std::string fault;
    inventory.gpus.push_back(
        {list->gpus()[i], list->read(i, fault).memory_bytes, visible.visible[i]});
  }
  if (inventory.gpus.empty()) inventory.fault = "NVML lists no GPU that this process may use";
  return inventory;
}

}  // namespace

GpuInventory find_gpus(const CudaEnvironment& cuda, const std::string& library) {
  Result<GpuInventory> inventory = take_inventory(cuda, library);
  if (inventory.ok()) return *std::move(inventory);
  GpuInventory none;
  none.fault = std::string(inventory.status().message());
  return none;
}

}  // namespace muster
