// SPDX-License-Identifier: Apache-2.0
// BatchProbe: runs a model on zeros before it serves, to warm it up and to see whether its outputs
// follow the number of rows. What a model file declares does not tell: an axis may be open and hold
// something else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <muster/backend.h>

namespace muster {

struct ProbeFindings {
  // Why rows of several requests cannot share a batch; "" = they can.
  std::string not_mergeable;
  // Why the model could not be tried; "" = it was.
  std::string not_tried;
};

// `stacked`: the first axis counts rows; then it is run with one row and, where `max_rows` allows,
// with two. Models with other open dimensions are not tried: no size can be guessed that suits
// them. Only the outputs that are `served` must follow the rows.
[[nodiscard]] ProbeFindings probe(const CompiledModel& model, bool stacked, std::int64_t max_rows,
                                  const std::vector<TensorSpec>& served);

}  // namespace muster
