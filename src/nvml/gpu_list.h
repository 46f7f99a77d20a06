// SPDX-License-Identifier: Apache-2.0
// GpuList: the GPUs of this machine as NVML lists them, from its start to its shutdown.
//
// Every call, the destructor's too, calls NVML: it may take milliseconds, and where a GPU or the
// driver is in trouble as long as it likes. One thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <muster/status.h>

#include "nvml/gpu_reading.h"
#include "nvml/nvml_calls.h"
#include "nvml/visible_gpus.h"

namespace muster {

class GpuList {
 public:
  static constexpr unsigned int kMostGpus = 256;

  // kNotFound: no driver is loaded. kFailedPrecondition: NVML does not start. A GPU that this
  // process may not use is left out; one that cannot be asked is, with a warning in the log.
  [[nodiscard]] static Result<std::unique_ptr<GpuList>> make(const nvml::Calls& calls);
  GpuList(const GpuList&) = delete;
  GpuList& operator=(const GpuList&) = delete;
  ~GpuList();

  [[nodiscard]] const std::vector<GpuIdentity>& gpus() const { return gpus_; }
  [[nodiscard]] VisibleGpus visible(const CudaEnvironment& cuda) const;
  // As read_gpu does, of the GPU at that place.
  [[nodiscard]] GpuReading read(std::size_t place, std::string& fault) const;

  // "550.54.15", "12.4": the newest CUDA that the driver can do. "" = unknown.
  [[nodiscard]] std::string driver_version() const;
  [[nodiscard]] std::string cuda_version() const;

 private:
  explicit GpuList(const nvml::Calls& calls) : calls_(calls) {}
  void add(unsigned int index);
  [[nodiscard]] std::string uuid_of(nvml::Device device) const;
  [[nodiscard]] std::string gpu_of_mig(const std::string& mig) const;

  const nvml::Calls calls_;
  std::vector<GpuIdentity> gpus_;
  std::vector<nvml::Device> devices_;  // of each of them
};

}  // namespace muster
