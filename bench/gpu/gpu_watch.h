// SPDX-License-Identifier: Apache-2.0
// What a GPU does while something is measured: clocks, power and temperature, as NVML tells them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "bench/statistics.h"
#include "nvml/gpu_list.h"

namespace muster::bench {

class GpuWatch {
 public:
  // `uuid`: "GPU-..."; NVML counts GPUs in another order than CUDA. Where NVML or the GPU is not
  // there, nothing is told.
  explicit GpuWatch(const std::string& uuid);

  // What `measure` gives, and sm_mhz, memory_mhz, watts, celsius as means over its time.
  [[nodiscard]] Figures over(const std::function<Figures()>& measure);
  // "580.159.04"; "" = unknown.
  [[nodiscard]] std::string driver() const;
  // Now, one line for people.
  [[nodiscard]] std::string state() const;

 private:
  [[nodiscard]] Figures now() const;

  std::unique_ptr<GpuList> list_;  // null: nothing is known
  std::size_t place_ = 0;
};

}  // namespace muster::bench
