// SPDX-License-Identifier: Apache-2.0
// Which file a piece of code was loaded from.
#pragma once

#include <string>

namespace muster {

// The library, or the program, that `address` of a function or a constant lies in, with symbolic
// links followed; "" where the system cannot tell.
[[nodiscard]] std::string library_of(const void* address);

}  // namespace muster
