// SPDX-License-Identifier: Apache-2.0
#include "base/memory/process_memory.h"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(ProcessMemory, is_that_of_this_process) {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  const std::uint64_t before = process_memory().resident_bytes();
  EXPECT_GT(before, 0U);
  std::vector<char> touched(kBytes, 'x');
  EXPECT_GE(process_memory().resident_bytes(), before + kBytes / 2);
  const std::uint64_t peak = process_memory().peak_bytes();
  touched.clear();
  touched.shrink_to_fit();
  EXPECT_GE(peak, before + kBytes / 2);
  EXPECT_GE(process_memory().peak_bytes(), peak);
  EXPECT_GT(process_memory().available_bytes(), 0U);
}

}  // namespace
}  // namespace muster
