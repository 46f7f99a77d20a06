// SPDX-License-Identifier: Apache-2.0
// Gather: lays the rows of many requests into a session's inputs, one after the other.
#pragma once

#include <cstdint>
#include <span>

#include <muster/backend.h>

#include "batching/pending_request.h"

namespace muster {

// Prepares every input of `session` for a batch of `requests`, at least one, whose inputs stand in
// the signature's order and whose row shapes agree. `stacked`: the first axis counts rows, `rows`
// in all; otherwise the batch is one request, handed over as it is.
[[nodiscard]] Status gather(std::span<const PendingRequest* const> requests, std::int64_t rows,
                            bool stacked, Session& session);

}  // namespace muster
