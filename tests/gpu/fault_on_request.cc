// SPDX-License-Identifier: Apache-2.0
// Loaded into a server by LD_PRELOAD: when the file that MUSTER_TEST_FAULT_FILE names is there, it
// is removed and the GPU is lost to the process.
#include <chrono>
#include <cstdlib>
#include <thread>

#include <unistd.h>

#include "tests/gpu/illegal_access.h"

namespace {

constexpr std::chrono::milliseconds kLook{50};

[[gnu::constructor]] void watch() {
  const char* const file = std::getenv("MUSTER_TEST_FAULT_FILE");
  if (file == nullptr) return;
  std::thread([file] {
    while (::unlink(file) != 0)
      std::this_thread::sleep_for(kLook);
    static_cast<void>(muster::gpu_providers::access_illegally(0));
  }).detach();
}

}  // namespace
