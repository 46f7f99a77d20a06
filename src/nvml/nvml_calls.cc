// SPDX-License-Identifier: Apache-2.0
#include "nvml/nvml_calls.h"

#include <cstring>
#include <string_view>

#include <dlfcn.h>

#include "base/text.h"

namespace muster::nvml {
namespace {

// Whether it is there.
template <typename Call>
bool find(void* library, const char* symbol, Call& call) {
  call = reinterpret_cast<Call>(dlsym(library, symbol));
  return call != nullptr;
}

// The name of the first call that is missing, "" where all are there.
std::string_view missing(void* library, Calls& calls) {
  if (!find(library, "nvmlInit_v2", calls.init)) return "nvmlInit_v2";
  if (!find(library, "nvmlShutdown", calls.shutdown)) return "nvmlShutdown";
  if (!find(library, "nvmlDeviceGetCount_v2", calls.device_count)) return "nvmlDeviceGetCount_v2";
  if (!find(library, "nvmlDeviceGetHandleByIndex_v2", calls.device_by_index))
    return "nvmlDeviceGetHandleByIndex_v2";
  if (!find(library, "nvmlDeviceGetUUID", calls.device_uuid)) return "nvmlDeviceGetUUID";
  if (!find(library, "nvmlDeviceGetName", calls.device_name)) return "nvmlDeviceGetName";
  return {};
}

void find_optional(void* library, Calls& calls) {
  find(library, "nvmlErrorString", calls.error_text);
  find(library, "nvmlSystemGetDriverVersion", calls.driver_version);
  find(library, "nvmlSystemGetCudaDriverVersion", calls.cuda_version);
  find(library, "nvmlDeviceGetHandleByUUID", calls.device_by_uuid);
  find(library, "nvmlDeviceGetDeviceHandleFromMigDeviceHandle", calls.device_of_mig);
  find(library, "nvmlDeviceGetUtilizationRates", calls.utilization);
  find(library, "nvmlDeviceGetMemoryInfo", calls.memory);
  find(library, "nvmlDeviceGetPowerUsage", calls.power);
  find(library, "nvmlDeviceGetPowerManagementLimit", calls.power_limit);
  find(library, "nvmlDeviceGetTotalEnergyConsumption", calls.energy);
  find(library, "nvmlDeviceGetClockInfo", calls.clock);
  find(library, "nvmlDeviceGetTemperature", calls.temperature);
}

}  // namespace

Result<Calls> open_library(const std::string& file) {
  // Never closed: a thread may be in one of its calls for longer than who asked for it lives.
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    return not_found("there is no NVML: " +
                     (reason == nullptr ? printable(file) : printable(reason)));
  }
  Calls calls;
  if (const std::string_view symbol = missing(library, calls); !symbol.empty()) {
    return failed_precondition(printable(file) + " is not NVML: it has no " + std::string(symbol) +
                               "; install NVIDIA's driver anew");
  }
  find_optional(library, calls);
  return calls;
}

std::string text_of(const Calls& calls, Return error) {
  const char* text = calls.error_text == nullptr ? nullptr : calls.error_text(error);
  return text == nullptr ? "error " + std::to_string(error) : printable(text);
}

std::string text_of(const char (&text)[kTextBytes]) {
  return printable(std::string_view(text, ::strnlen(text, kTextBytes)));
}

}  // namespace muster::nvml
