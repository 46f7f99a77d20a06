// SPDX-License-Identifier: Apache-2.0
// Leaders: those that are worth a longer look after a short one. Pure.
#pragma once

#include <vector>

#include "app/advise/candidate.h"

namespace muster {

// The best by `goal`, in the order of their ranks: ties, those that may have been unlucky, and with
// a rate the batch sizes at which it would be carried. At most ten, three of one setup.
[[nodiscard]] std::vector<Candidate> leaders_of(const std::vector<MeasuredCandidate>& measured,
                                                const Goal& goal);

}  // namespace muster
