// SPDX-License-Identifier: Apache-2.0
// The main of tests of ONNX Runtime's providers on a GPU. Where the runtime that is found has none
// they are skipped, which must be seen.
#include <algorithm>
#include <cstdio>

#include <gtest/gtest.h>

#include "tests/gpu/provider_models.h"

namespace {

constexpr int kSkipped = 77;  // as ctest is told

// "" = there is what is needed.
std::string what_is_missing() {
  const auto backend = muster::open_backend("onnxruntime");
  if (!backend.ok()) return backend.status().to_string();
  const std::vector<std::string> devices = (*backend)->devices();
  if (std::ranges::count(devices, "CUDAExecutionProvider") == 0) {
    return (*backend)->version() + " at " + (*backend)->library() +
           " has no CUDAExecutionProvider; name the folder of one that has in LD_LIBRARY_PATH";
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!GTEST_FLAG_GET(list_tests)) {
    if (const std::string missing = what_is_missing(); !missing.empty()) {
      std::fprintf(stderr, "SKIPPED, all of it: %s\n", missing.c_str());
      return kSkipped;
    }
  }
  return RUN_ALL_TESTS();
}
