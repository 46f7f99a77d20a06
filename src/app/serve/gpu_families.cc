// SPDX-License-Identifier: Apache-2.0
#include "app/serve/gpu_families.h"

#include <optional>
#include <span>
#include <string>
#include <utility>

#include "app/serve/metric_families.h"

namespace muster {
namespace {

using prometheus::MetricFamily;
using S = const GpuSample&;
using Value = std::optional<double>;

struct GpuFamily {
  MetricFamily (*make)(const char* name, const char* help);
  const char* name;
  const char* help;
  Value (*value)(S sample);
};

Value total_memory(S s) {
  return s.reading.memory_bytes;
}

Value used_memory(S s) {
  return s.reading.memory_used_bytes;
}

constexpr GpuFamily kFamilies[] = {
    {gauge_family, "muster_gpu_up", "Whether the GPU answers",
     [](S s) -> Value { return s.reading.answers ? 1 : 0; }},
    {gauge_family, "muster_gpu_utilization_ratio", "Part of the time in which a kernel ran",
     [](S s) -> Value { return s.reading.busy; }},
    {gauge_family, "muster_gpu_memory_utilization_ratio",
     "Part of the time in which memory was read or written",
     [](S s) -> Value { return s.reading.memory_busy; }},
    {gauge_family, "muster_gpu_memory_total_bytes", "Memory of the GPU", total_memory},
    {gauge_family, "muster_gpu_memory_used_bytes", "Memory in use, by whomever", used_memory},
    {gauge_family, "muster_gpu_power_watts", "Power that the GPU draws",
     [](S s) -> Value { return s.reading.power_watts; }},
    {gauge_family, "muster_gpu_power_limit_watts", "Power that it may draw",
     [](S s) -> Value { return s.reading.power_limit_watts; }},
    {counter_family, "muster_gpu_energy_joules_total", "Energy since the driver was loaded",
     [](S s) -> Value { return s.reading.energy_joules; }},
    {gauge_family, "muster_gpu_sm_clock_hertz", "Clock of the multiprocessors",
     [](S s) -> Value { return s.reading.sm_clock_hertz; }},
    {gauge_family, "muster_gpu_memory_clock_hertz", "Clock of the memory",
     [](S s) -> Value { return s.reading.memory_clock_hertz; }},
    {gauge_family, "muster_gpu_temperature_celsius", "Temperature of the GPU",
     [](S s) -> Value { return s.reading.temperature_celsius; }},
};

constexpr GpuFamily kTritonFamilies[] = {
    {gauge_family, "nv_gpu_utilization", "Part of the time in which a kernel ran",
     [](S s) -> Value { return s.reading.busy; }},
    {gauge_family, "nv_gpu_memory_total_bytes", "Memory of the GPU", total_memory},
    {gauge_family, "nv_gpu_memory_used_bytes", "Memory in use, by whomever", used_memory},
    {gauge_family, "nv_gpu_power_usage", "Power that the GPU draws, in watts",
     [](S s) -> Value { return s.reading.power_watts; }},
    {gauge_family, "nv_gpu_power_limit", "Power that it may draw, in watts",
     [](S s) -> Value { return s.reading.power_limit_watts; }},
    {counter_family, "nv_energy_consumption", "Joules since the server started",
     [](S s) -> Value { return s.joules_since_start; }},
};

template <typename Labels>
void add(std::vector<MetricFamily>& page, std::span<const GpuFamily> families,
         const std::vector<GpuSample>& gpus, Labels labels_of) {
  for (const GpuFamily& described : families) {
    MetricFamily family = described.make(described.name, described.help);
    for (const GpuSample& sample : gpus)
      if (const Value value = described.value(sample)) add_value(family, labels_of(sample), *value);
    if (!family.metric.empty()) page.push_back(std::move(family));
  }
}

}  // namespace

void add_gpus(std::vector<MetricFamily>& page, const std::vector<GpuSample>& gpus) {
  add(page, kFamilies, gpus, [](S sample) {
    const GpuIdentity& gpu = sample.gpu;
    return MetricLabels{{"gpu", std::to_string(gpu.index)}, {"uuid", gpu.uuid}, {"name", gpu.name}};
  });
}

void add_triton_gpus(std::vector<MetricFamily>& page, const std::vector<GpuSample>& gpus) {
  add(page, kTritonFamilies, gpus, [](S sample) {
    return MetricLabels{{"gpu_uuid", sample.gpu.uuid}};
  });
}

}  // namespace muster
