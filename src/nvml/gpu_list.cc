// SPDX-License-Identifier: Apache-2.0
#include "nvml/gpu_list.h"

#include <algorithm>

#include "base/log.h"

namespace muster {

Result<std::unique_ptr<GpuList>> GpuList::make(const nvml::Calls& calls) {
  const nvml::Return started = calls.init();
  if (started == nvml::kDriverNotLoaded || started == nvml::kNotFound) {
    return not_found("NVML finds no GPU: " + nvml::text_of(calls, started));
  }
  if (started != nvml::kSuccess) {
    return failed_precondition("NVML does not start: " + nvml::text_of(calls, started));
  }
  // From here on its destructor shuts NVML down.
  std::unique_ptr<GpuList> list(new GpuList(calls));
  unsigned int count = 0;
  if (const nvml::Return counted = calls.device_count(&count); counted != nvml::kSuccess) {
    return failed_precondition("NVML does not count the GPUs: " + nvml::text_of(calls, counted));
  }
  for (unsigned int index = 0; index < std::min(count, kMostGpus); ++index)
    list->add(index);
  return list;
}

GpuList::~GpuList() {
  calls_.shutdown();
}

void GpuList::add(unsigned int index) {
  nvml::Device device = nullptr;
  const nvml::Return found = calls_.device_by_index(index, &device);
  if (found == nvml::kNoPermission) return;
  const std::string uuid = found == nvml::kSuccess ? uuid_of(device) : std::string();
  if (uuid.empty()) {
    const std::string why =
        found == nvml::kSuccess ? "it has no UUID" : nvml::text_of(calls_, found);
    log(LogLevel::kWarning, "GPU " + std::to_string(index) + " is left out: " + why);
    return;
  }
  char name[nvml::kTextBytes] = {};
  const bool named = calls_.device_name(device, name, sizeof(name)) == nvml::kSuccess;
  gpus_.push_back({index, uuid, named ? nvml::text_of(name) : std::string()});
  devices_.push_back(device);
}

VisibleGpus GpuList::visible(const CudaEnvironment& cuda) const {
  return visible_gpus(gpus_, cuda, [this](const std::string& mig) { return gpu_of_mig(mig); });
}

GpuReading GpuList::read(std::size_t place, std::string& fault) const {
  return read_gpu(calls_, devices_[place], fault);
}

std::string GpuList::driver_version() const {
  char text[nvml::kTextBytes] = {};
  if (calls_.driver_version == nullptr) return {};
  return calls_.driver_version(text, sizeof(text)) == nvml::kSuccess ? nvml::text_of(text)
                                                                     : std::string();
}

std::string GpuList::cuda_version() const {
  int version = 0;
  if (calls_.cuda_version == nullptr) return {};
  if (calls_.cuda_version(&version) != nvml::kSuccess || version <= 0) return {};
  return std::to_string(version / 1000) + '.' + std::to_string(version % 1000 / 10);
}

std::string GpuList::uuid_of(nvml::Device device) const {
  char text[nvml::kTextBytes] = {};
  return calls_.device_uuid(device, text, sizeof(text)) == nvml::kSuccess ? nvml::text_of(text)
                                                                          : std::string();
}

std::string GpuList::gpu_of_mig(const std::string& mig) const {
  nvml::Device part = nullptr;
  nvml::Device whole = nullptr;
  if (calls_.device_by_uuid == nullptr || calls_.device_of_mig == nullptr) return {};
  if (calls_.device_by_uuid(mig.c_str(), &part) != nvml::kSuccess) return {};
  return calls_.device_of_mig(part, &whole) == nvml::kSuccess ? uuid_of(whole) : std::string();
}

}  // namespace muster
