// SPDX-License-Identifier: Apache-2.0
// GpuSampler: what the GPUs said last, read on a thread of its own at a steady pace.
//
// NVML may take milliseconds for an answer, and where a GPU is in trouble as long as it likes. Who
// asks here never waits for it: not a scrape, which runs on a thread that also carries requests,
// and not the end of the server.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "nvml/gpu_reading.h"
#include "nvml/visible_gpus.h"

namespace muster {

struct GpuSample {
  GpuIdentity gpu;
  GpuReading reading;
  std::optional<double> joules_since_start;  // since the sampler read it first
};

class GpuSampler {
 public:
  struct Options {
    std::chrono::milliseconds interval{std::chrono::seconds(2)};
    CudaEnvironment cuda;  // GPUs that CUDA does not show are not read
    // A name that the loader looks up, or a path. From this program alone, never from a model or a
    // client.
    std::string library = nvml::kLibrary;
  };
  // A GPU that has not been read for so long, or for three intervals where that is more, counts as
  // one that does not answer.
  static constexpr std::chrono::seconds kFreshFor{10};
  // How long the destructor waits for a call of NVML; after that the thread is left to itself.
  static constexpr std::chrono::seconds kStopPatience{2};

  // Returns before NVML has been called. Where there is no NVIDIA driver there is no thread, and
  // one line in the log, at the level debug. `clock` outlives the sampler.
  GpuSampler(Options options, Clock& clock);
  GpuSampler(const GpuSampler&) = delete;
  GpuSampler& operator=(const GpuSampler&) = delete;
  ~GpuSampler();

  // Of each GPU that CUDA shows, by index; those that have not been read yet are not among them.
  // Any thread; calls no NVML.
  [[nodiscard]] std::vector<GpuSample> samples() const;

 private:
  struct State;
  // Shared with the thread, which may outlive this in a call that does not return.
  std::shared_ptr<State> state_;  // null: no driver
  std::thread thread_;
};

}  // namespace muster
