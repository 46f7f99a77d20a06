// SPDX-License-Identifier: Apache-2.0
// Files of which nobody knows how large they are.
#pragma once

#include <cstddef>
#include <string>

#include <muster/status.h>

namespace muster {

// The whole of a regular file. Errors name it: kNotFound, kInvalidArgument (no regular file),
// kFailedPrecondition (cannot be read), kResourceExhausted (larger than `limit` bytes).
[[nodiscard]] Result<std::string> read_bounded(const std::string& path, std::size_t limit);

}  // namespace muster
