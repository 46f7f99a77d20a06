// SPDX-License-Identifier: Apache-2.0
// Checks a request against the model and makes a PendingRequest of it. Everything behind it may
// rely on: every input is there once, in the signature's order, of the right type and shape, with
// exactly the bytes its shape calls for.
#pragma once

#include <cstdint>

#include <muster/inference.h>

#include "batching/pending_request.h"

namespace muster {

struct RequestRules {
  const ModelConfig* config = nullptr;        // inputs and outputs as served
  const ModelSignature* signature = nullptr;  // what output indices count in
  bool stacked = false;                       // the first axis counts rows
  // Where stacked; more than max_rows only where a request of more than a batch can be split.
  std::int64_t max_rows = 1;          // of a batch
  std::int64_t max_request_rows = 1;  // of a request
  bool fixed_rows = false;            // no input has an open dimension but the batch axis
};

// The reply of what is returned is still to be set. Errors name tensor and model and say what was
// expected and given.
[[nodiscard]] Result<PendingRequest> check_request(InferRequest request, const RequestRules& rules);

}  // namespace muster
