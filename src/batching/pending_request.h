// SPDX-License-Identifier: Apache-2.0
// PendingRequest: a request on its way through the queue, with everything that must travel with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <muster/inference.h>

#include "batching/reply.h"

namespace muster {

// Made by the check against the signature: inputs stand in the signature's order, and `rows`,
// `bytes` and `outputs` are derived from the request. Whoever holds it must answer it; if nobody
// does, its reply's destructor will.
struct PendingRequest {
  Reply reply;  // before the request, so that a dropped one lets go of it first and then answers
  InferRequest request;
  std::int64_t rows = 1;                  // 1 where the model has no batch axis
  std::size_t bytes = 0;                  // of all inputs
  std::vector<std::size_t> outputs = {};  // indices into the signature; empty = all
  std::uint64_t row_key = 0;  // hash of the inputs' row shapes; 0 where the signature fixes them

  // Set by the queue.
  TimePoint accepted_at = {};
  std::uint32_t rank = 0;  // what decides the order, before order_key
  TimePoint order_key = {};
  TimePoint answer_by = kNoDeadline;        // where the model has a latency target
  TimePoint late_at = kNoDeadline;          // from then on it stands behind the others of its level
  PendingRequest* next_in_chain = nullptr;  // of those that are found by ticket
};

using PendingRequestPtr = std::unique_ptr<PendingRequest>;

// Lets go of the request, then answers: whoever gets the answer may reuse what it pointed to.
inline void answer(PendingRequestPtr request, Result<InferResponse> outcome) {
  Reply reply = std::move(request->reply);
  request.reset();
  reply.answer(std::move(outcome));
}

}  // namespace muster
