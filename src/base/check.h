// SPDX-License-Identifier: Apache-2.0
// MUSTER_CHECK: stops the process on a programmer's mistake. Never used on input from outside.
#pragma once

namespace muster {
[[noreturn]] void die_of_failed_check(const char* file, int line, const char* condition) noexcept;
}  // namespace muster

#define MUSTER_CHECK(condition)                                      \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::muster::die_of_failed_check(__FILE__, __LINE__, #condition); \
  } while (false)
