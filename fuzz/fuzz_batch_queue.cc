// SPDX-License-Identifier: Apache-2.0
// A batch queue and its reference, led through the steps that the bytes choose: offers, claims,
// takes, runners given back, deadlines, cancels, closing. They must agree, and every request must
// be answered exactly once.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "batching/testing/queue_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  constexpr std::size_t kMaxSteps = 500;
  std::size_t next = 0;
  const auto pick = [&](std::uint32_t bound) { return next < size ? bytes[next++] % bound : 0; };
  muster::testing::QueueWalk walk(pick, std::min(size / 2, kMaxSteps));
  const std::string difference = walk.run();
  if (difference.empty()) return 0;
  std::fprintf(stderr, "%s\n", difference.c_str());
  std::abort();
}
