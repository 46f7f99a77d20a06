// SPDX-License-Identifier: Apache-2.0
// A request of more rows than a batch may have is taken apart, and its answers are put together.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "batching/pending_request.h"

namespace muster {

// The parts of `whole`, in order, each of at most `max_rows` rows (at least 1). Their inputs are
// views of the whole's or parts of its sources, which lives until the last part is answered; then
// the whole is: with the outputs of all parts, one behind the other along the first axis, or with
// the failure that came first. All parts have one ticket, the whole's or a new one; `cancel` is
// called with it, once, when one fails, on the thread that answers that part, and must be callable
// as long as parts live.
//
// The report of the answer: `rows`, `requests` and `reason` are those of the largest batch that
// had a part, `queue` ends when the first part was taken, `gather` and `compute` are sums.
[[nodiscard]] std::vector<PendingRequestPtr> split_request(
    PendingRequest whole, std::int64_t max_rows, std::function<void(RequestTicket)> cancel);

}  // namespace muster
