// SPDX-License-Identifier: Apache-2.0
#include "nvml/gpu_reading.h"

#include <algorithm>

namespace muster {
namespace {

using nvml::Return;

// Asks one GPU one thing after the other, until it is found to be gone: each further call could
// take its time to say the same.
class Questions {
 public:
  explicit Questions(nvml::Device device) : device_(device) {}

  // The value that `call` gives; nothing where there is no such call, or none for this GPU.
  template <typename Value, typename Call, typename... Arguments>
  std::optional<Value> ask(Call call, Arguments... arguments) {
    if (call == nullptr || gone_ != nvml::kSuccess) return std::nullopt;
    Value value{};
    const Return answer = call(device_, arguments..., &value);
    if (answer == nvml::kGpuIsLost || answer == nvml::kResetRequired) gone_ = answer;
    if (answer != nvml::kSuccess) return std::nullopt;
    return value;
  }

  // nvml::kSuccess: it is there.
  [[nodiscard]] Return gone() const { return gone_; }

 private:
  const nvml::Device device_;
  Return gone_ = nvml::kSuccess;
};

double part_of_one(unsigned int percent) {
  return static_cast<double>(std::min(percent, 100U)) / 100;
}

template <typename Value>
std::optional<double> of_thousandths(const std::optional<Value>& value) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value) / 1e3;
}

template <typename Value>
std::optional<double> of_millions(const std::optional<Value>& value) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value) * 1e6;
}

}  // namespace

GpuReading read_gpu(const nvml::Calls& calls, nvml::Device device, std::string& fault) {
  Questions gpu(device);
  GpuReading reading;
  if (const auto memory = gpu.ask<nvml::Memory>(calls.memory)) {
    reading.memory_bytes = memory->total;
    reading.memory_used_bytes = memory->used;
  }
  if (const auto part = gpu.ask<nvml::Utilization>(calls.utilization)) {
    reading.busy = part_of_one(part->gpu);
    reading.memory_busy = part_of_one(part->memory);
  }
  using Number = unsigned int;
  reading.power_watts = of_thousandths(gpu.ask<Number>(calls.power));
  reading.power_limit_watts = of_thousandths(gpu.ask<Number>(calls.power_limit));
  reading.energy_joules = of_thousandths(gpu.ask<unsigned long long>(calls.energy));
  reading.sm_clock_hertz = of_millions(gpu.ask<Number>(calls.clock, nvml::kSmClock));
  reading.memory_clock_hertz = of_millions(gpu.ask<Number>(calls.clock, nvml::kMemoryClock));
  reading.temperature_celsius = gpu.ask<Number>(calls.temperature, nvml::kGpuTemperature);
  if (gpu.gone() != nvml::kSuccess) {
    fault = nvml::text_of(calls, gpu.gone());
    return {};
  }
  reading.answers = true;
  return reading;
}

}  // namespace muster
