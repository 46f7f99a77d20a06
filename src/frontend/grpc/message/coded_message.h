// SPDX-License-Identifier: Apache-2.0
// Messages compressed and inflated, with zlib. What the client sent is hostile.
#pragma once

#include <cstddef>
#include <span>

#include <muster/status.h>

#include "frontend/grpc/message/header_values.h"
#include "frontend/grpc/message/message_bytes.h"

namespace muster {

// What `compressed` gives, at most `max_inflated` bytes. kInvalidArgument: damaged, cut off, with
// bytes behind its end, over the limit. kResourceExhausted: no memory. Not of kIdentity.
[[nodiscard]] Status inflate_message(std::span<const std::byte> compressed, MessageCoding coding,
                                     std::size_t max_inflated, MessageBytes& out);

// Appends what `plain` becomes to `out`, quickly rather than small. False: it would not be smaller,
// or there is no memory; `out` is as it was then. Not of kIdentity.
[[nodiscard]] bool append_compressed(std::span<const std::byte> plain, MessageCoding coding,
                                     MessageBytes& out);

}  // namespace muster
