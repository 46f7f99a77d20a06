// SPDX-License-Identifier: Apache-2.0
// Runs rows through a session in batches of one size, and hands out what came of each row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <muster/backend.h>

namespace muster {

struct RowRuns {
  // One for each input of the session, in its order; the first axis of each counts the same rows,
  // at least one. Views: the bytes outlive the runs.
  std::vector<TensorView> inputs;
  // True: batches of `batch_size` rows; after the last row follows the first, so that every batch
  // is full. False: the model has no batch axis; every row is a run of its own, without the axis
  // that counts them.
  bool stacked = true;
  std::int64_t batch_size = 1;
};

// Called with what one output says for one row. Valid during the call; what it returns ends the
// runs unless it is ok.
using RowVisitor = std::function<Status(std::int64_t row, std::size_t output, const TensorView&)>;

// Every row is visited at least once with each output. The output of a batch of one is its
// row's whatever its shape; a larger batch's must have a row for each of its own:
// kFailedPrecondition where it has not. Other errors are the session's.
[[nodiscard]] Status run_rows(Session& session, const ModelSignature& signature,
                              const RowRuns& runs, const RowVisitor& visit);

}  // namespace muster
