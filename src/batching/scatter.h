// SPDX-License-Identifier: Apache-2.0
// Scatter: gives each request of a batch its own rows of the outputs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <muster/backend.h>

#include "batching/pending_request.h"

namespace muster {

// Fills responses[i] with the outputs that requests[i] wants, in the order it wants them, as
// copies: the session's next batch overwrites what it gave out. Fails where an output of a shared
// batch does not have `rows` rows.
[[nodiscard]] Status scatter(std::span<const PendingRequest* const> requests, std::int64_t rows,
                             bool stacked, const ModelSignature& signature, Session& session,
                             std::span<InferResponse> responses);

}  // namespace muster
