// SPDX-License-Identifier: Apache-2.0
// Memory that was freed and that the C library keeps: given back to the system.
#pragma once

namespace muster {

// Any thread; milliseconds. One at a time in a process: where another allocator stands in for the C
// library's, the first call is what sets that one up, and two threads at once would do it into each
// other.
void give_heap_back() noexcept;

}  // namespace muster
