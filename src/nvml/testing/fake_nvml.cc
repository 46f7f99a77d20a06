// SPDX-License-Identifier: Apache-2.0
#include "nvml/testing/fake_nvml.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace muster {
namespace {

using nvml::Device;
using nvml::Return;

constexpr Return kInvalidArgument = 2;
constexpr Return kInsufficientSize = 7;

std::size_t number_in(const char* variable, std::size_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoul(text, nullptr, 10);
}

// Never freed: a call that hangs uses it until the process ends.
FakeNvml& script() {
  static FakeNvml& instance = []() -> FakeNvml& {
    auto* made = new FakeNvml;
    const std::size_t count = number_in("FAKE_NVML_GPUS", 1);
    made->reset(count);
    made->hold = number_in("FAKE_NVML_HANGS", 0) != 0;
    if (const std::size_t lost = number_in("FAKE_NVML_LOST", count); lost < count)
      made->gpus[lost].errors[""] = nvml::kGpuIsLost;
    return *made;
  }();
  return instance;
}

// A handle is the GPU's index and one more; a part's has this bit besides.
constexpr std::size_t kPart = 1U << 16;

Device handle_of(std::size_t number) {
  return reinterpret_cast<Device>(number);
}

std::size_t number_of(Device device) {
  return reinterpret_cast<std::size_t>(device);
}

Return copy_text(const std::string& text, char* into, unsigned int bytes) {
  if (text.size() + 1 > bytes) return kInsufficientSize;
  std::memcpy(into, text.c_str(), text.size() + 1);
  return nvml::kSuccess;
}

// One question to one GPU: its value, or the error that the script has for it.
template <typename Answer>
Return answer(Device device, const char* call, Answer give) {
  FakeNvml& nvml = script();
  MutexLock lock(nvml.mutex);
  ++nvml.calls;
  ++nvml.holding;
  nvml.changed.notify_all();
  while (nvml.hold)
    nvml.changed.wait(lock);
  --nvml.holding;
  const std::size_t number = number_of(device);
  if (number == 0 || number > nvml.gpus.size()) return kInvalidArgument;
  const FakeGpu& gpu = nvml.gpus[number - 1];
  for (const char* name : {"", call})
    if (const auto error = gpu.errors.find(name); error != gpu.errors.end()) return error->second;
  give(gpu);
  return nvml::kSuccess;
}

}  // namespace
}  // namespace muster

using muster::FakeGpu;
using muster::MutexLock;
using muster::script;
using muster::nvml::Device;
using muster::nvml::Return;

extern "C" {

muster::FakeNvml* fake_nvml_script() {
  return &script();
}

Return nvmlInit_v2() {
  const MutexLock lock(script().mutex);
  ++script().inits;
  return script().init_answer;
}

Return nvmlShutdown() {
  const MutexLock lock(script().mutex);
  ++script().shutdowns;
  script().changed.notify_all();
  return muster::nvml::kSuccess;
}

Return nvmlDeviceGetCount_v2(unsigned int* count) {
  const MutexLock lock(script().mutex);
  *count = static_cast<unsigned int>(script().gpus.size());
  return script().count_answer;
}

Return nvmlDeviceGetHandleByIndex_v2(unsigned int index, Device* device) {
  const MutexLock lock(script().mutex);
  const auto error = script().handle_errors.find(index);
  if (error != script().handle_errors.end()) return error->second;
  if (index >= script().gpus.size()) return muster::kInvalidArgument;
  *device = muster::handle_of(index + 1);
  return muster::nvml::kSuccess;
}

Return nvmlDeviceGetUUID(Device device, char* text, unsigned int bytes) {
  const MutexLock lock(script().mutex);
  return muster::copy_text(script().gpus.at(muster::number_of(device) - 1).uuid, text, bytes);
}

Return nvmlDeviceGetName(Device device, char* text, unsigned int bytes) {
  const MutexLock lock(script().mutex);
  return muster::copy_text(script().gpus.at(muster::number_of(device) - 1).name, text, bytes);
}

Return nvmlDeviceGetUtilizationRates(Device device, muster::nvml::Utilization* value) {
  return muster::answer(device, "utilization", [&](const FakeGpu& gpu) {
    *value = {gpu.busy_percent, gpu.memory_busy_percent};
  });
}

Return nvmlDeviceGetMemoryInfo(Device device, muster::nvml::Memory* value) {
  return muster::answer(device, "memory", [&](const FakeGpu& gpu) {
    *value = {gpu.memory_bytes, gpu.memory_bytes - gpu.memory_used_bytes, gpu.memory_used_bytes};
  });
}

Return nvmlDeviceGetPowerUsage(Device device, unsigned int* value) {
  return muster::answer(device, "power", [&](const FakeGpu& gpu) { *value = gpu.milliwatts; });
}

Return nvmlDeviceGetPowerManagementLimit(Device device, unsigned int* value) {
  return muster::answer(device, "power_limit",
                        [&](const FakeGpu& gpu) { *value = gpu.limit_milliwatts; });
}

Return nvmlDeviceGetClockInfo(Device device, unsigned int type, unsigned int* value) {
  if (type != muster::nvml::kSmClock && type != muster::nvml::kMemoryClock)
    return muster::kInvalidArgument;
  return muster::answer(device, "clock", [&](const FakeGpu& gpu) {
    *value = type == muster::nvml::kSmClock ? gpu.sm_megahertz : gpu.memory_megahertz;
  });
}

Return nvmlDeviceGetTemperature(Device device, unsigned int sensor, unsigned int* value) {
  if (sensor != muster::nvml::kGpuTemperature) return muster::kInvalidArgument;
  return muster::answer(device, "temperature", [&](const FakeGpu& gpu) { *value = gpu.celsius; });
}

// What old drivers do not have.
#ifndef MUSTER_FAKE_OLD_NVML

const char* nvmlErrorString(Return error) {
  switch (error) {
    case muster::nvml::kDriverNotLoaded:
      return "Driver Not Loaded";
    case muster::nvml::kGpuIsLost:
      return "GPU is lost";
    default:
      return nullptr;
  }
}

Return nvmlSystemGetDriverVersion(char* text, unsigned int bytes) {
  const MutexLock lock(script().mutex);
  return muster::copy_text(script().driver, text, bytes);
}

Return nvmlSystemGetCudaDriverVersion(int* version) {
  const MutexLock lock(script().mutex);
  *version = script().cuda;
  return muster::nvml::kSuccess;
}

Return nvmlDeviceGetHandleByUUID(const char* uuid, Device* device) {
  const MutexLock lock(script().mutex);
  const auto part = script().parts.find(uuid);
  if (part == script().parts.end()) return muster::nvml::kNotFound;
  *device = muster::handle_of((part->second + 1) | muster::kPart);
  return muster::nvml::kSuccess;
}

Return nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Device part, Device* device) {
  if ((muster::number_of(part) & muster::kPart) == 0) return muster::kInvalidArgument;
  *device = muster::handle_of(muster::number_of(part) & ~muster::kPart);
  return muster::nvml::kSuccess;
}

Return nvmlDeviceGetTotalEnergyConsumption(Device device, unsigned long long* value) {
  return muster::answer(device, "energy", [&](const FakeGpu& gpu) { *value = gpu.millijoules; });
}

#endif
}
