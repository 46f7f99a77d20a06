// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/illegal_access.h"

#include <dlfcn.h>

namespace muster::gpu_providers {
namespace {

// Reads where nothing is. Compiled by the driver.
constexpr const char* kKernel = R"(
.version 6.0
.target sm_50
.address_size 64
.visible .entry reads_nowhere()
{
  .reg .u64 %at;
  .reg .u32 %value;
  mov.u64 %at, 64;
  ld.global.u32 %value, [%at];
  st.global.u32 [%at], %value;
  ret;
}
)";

}  // namespace

int access_illegally(int device) {
  void* const driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return -1;
  const auto call = [&]<typename... Arguments>(const char* name, Arguments... arguments) {
    const auto function = reinterpret_cast<int (*)(Arguments...)>(dlsym(driver, name));
    return function == nullptr ? -1 : function(arguments...);
  };
  int handle = 0;
  void* context = nullptr;
  void* code = nullptr;
  void* kernel = nullptr;
  int error = call("cuInit", 0U);
  if (error == 0) error = call("cuDeviceGet", &handle, device);
  if (error == 0) error = call("cuDevicePrimaryCtxRetain", &context, handle);
  if (error == 0) error = call("cuCtxSetCurrent", context);
  if (error == 0) error = call("cuModuleLoadData", &code, kKernel);
  if (error == 0) error = call("cuModuleGetFunction", &kernel, code, "reads_nowhere");
  void** const none = nullptr;
  void* const default_stream = nullptr;
  if (error == 0) {
    error = call("cuLaunchKernel", kernel, 1U, 1U, 1U, 1U, 1U, 1U, 0U, default_stream, none, none);
  }
  return error == 0 ? call("cuCtxSynchronize") : error;
}

}  // namespace muster::gpu_providers
