// SPDX-License-Identifier: Apache-2.0
// Gather: lays the rows of many requests into a session's inputs, one after the other. What is
// still where its client put it (TensorSource) is read now, or where that is the memory of the
// session's own GPU, left to the session.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <muster/backend.h>

#include "batching/pending_request.h"

namespace muster {

// A request of the batch, by its place, that an input of cannot be read: its rows are zeros, and
// all it can be answered with is this status.
struct UnreadRequest {
  std::size_t place;
  Status status;
};

// Prepares every input of `session` for a batch of `requests`, at least one, whose inputs stand in
// the signature's order and whose row shapes agree. `stacked`: the first axis counts rows, `rows`
// in all; otherwise the batch is one request, handed over as it is. Adds to `unread`, each request
// once; those of the others are as they should be.
[[nodiscard]] Status gather(std::span<const PendingRequest* const> requests, std::int64_t rows,
                            bool stacked, Session& session, std::vector<UnreadRequest>& unread);

}  // namespace muster
