// SPDX-License-Identifier: Apache-2.0
// Counts every `new` of the test's process, for tests that say that something takes no memory.
#pragma once

#include <cstddef>

namespace muster::testing {

// Since the process began, of all threads.
[[nodiscard]] std::size_t allocations() noexcept;

}  // namespace muster::testing
