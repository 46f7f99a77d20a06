// SPDX-License-Identifier: Apache-2.0
// The threads of this process, for tests of who makes some.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

namespace muster::testing {

// Their numbers (gettid).
inline std::set<int> own_threads() {
  // ThreadSanitizer has one of its own from the first on that is made.
  [[maybe_unused]] static const bool made_one = (std::thread([] {}).join(), true);
  std::set<int> threads;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    threads.insert(std::atoi(entry.path().filename().c_str()));
  return threads;
}

}  // namespace muster::testing
