// SPDX-License-Identifier: Apache-2.0
// The main of tests that need a GPU. Where there is none they are skipped, which must be seen.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "backends/tensorrt/device/cuda_device.h"
#include "tests/gpu/shared_memory_of_another.h"

namespace {
constexpr int kSkipped = 77;  // as ctest is told
}

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], muster::tensorrt::kShareMemory) == 0)
    return muster::tensorrt::share_memory();
  ::testing::InitGoogleTest(&argc, argv);
#ifdef MUSTER_TESTS_LEFT_OUT
  const std::string wanted = GTEST_FLAG_GET(filter);
  if (wanted.find('-') == std::string::npos)
    GTEST_FLAG_SET(filter, wanted + "-" MUSTER_TESTS_LEFT_OUT);
#endif
  const muster::Result<int> count = muster::tensorrt::cuda_device_count();
  if (!GTEST_FLAG_GET(list_tests) && (!count.ok() || *count == 0)) {
    std::fprintf(stderr, "SKIPPED, all of it: %s\n",
                 count.ok() ? "there is no GPU here" : count.status().to_string().c_str());
    return kSkipped;
  }
  const int outcome = RUN_ALL_TESTS();
  // compute-sanitizer finds what was left behind when the context goes.
  if (std::getenv("MUSTER_GPU_RESET") != nullptr && cudaDeviceReset() != cudaSuccess) return 1;
  return outcome;
}
