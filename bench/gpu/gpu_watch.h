// SPDX-License-Identifier: Apache-2.0
// What a GPU does while something is measured: clocks, power and temperature, from NVIDIA's
// management library, which is opened where it is there.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bench/statistics.h"

namespace muster::bench {

class GpuWatch {
 public:
  // `uuid`: "GPU-..."; the GPU's number with the management library may be another than CUDA's.
  explicit GpuWatch(const std::string& uuid);
  ~GpuWatch();

  // What `measure` gives, and sm_mhz, memory_mhz, watts, celsius as means over its time.
  [[nodiscard]] Figures over(const std::function<Figures()>& measure);
  // "580.159.04"; "" where the library is not there.
  [[nodiscard]] std::string driver() const;
  // Now, one line for people.
  [[nodiscard]] std::string state() const;

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace muster::bench
