// SPDX-License-Identifier: Apache-2.0
// The script of the fake NVML in this process, for the tests of this folder.
#pragma once

#include <string>

#include <dlfcn.h>

#include "base/check.h"
#include "nvml/testing/fake_nvml.h"

namespace muster {

inline const std::string kFakeNvmlFile = MUSTER_BINARY_DIR "/fake_nvml/libnvidia-ml.so.1";
inline const std::string kFakeOldNvmlFile = MUSTER_BINARY_DIR "/fake_old_nvml/libnvidia-ml.so.1";

// With that many GPUs, and nothing wrong with them. The same for all who ask for the same file.
inline FakeNvml& open_fake_nvml(std::size_t gpus, const std::string& file = kFakeNvmlFile) {
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  MUSTER_CHECK(library != nullptr);
  const auto script = reinterpret_cast<FakeNvmlScript>(dlsym(library, kFakeNvmlScript));
  MUSTER_CHECK(script != nullptr);
  FakeNvml& nvml = *script();
  const MutexLock lock(nvml.mutex);
  nvml.reset(gpus);
  return nvml;
}

// Changes the script while others may be asking.
template <typename Change>
void rewrite(FakeNvml& nvml, Change change) {
  const MutexLock lock(nvml.mutex);
  change(nvml);
  nvml.changed.notify_all();
}

}  // namespace muster
