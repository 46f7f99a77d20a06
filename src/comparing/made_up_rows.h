// SPDX-License-Identifier: Apache-2.0
// Made-up rows for every input of a model, the same each time: to hold one way of running it
// against another where nobody gave inputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <muster/model.h>

namespace muster {

struct RowsWanted {
  // The first axis of every input counts rows. False: there is no such axis, and one is put in
  // front, as run_rows wants it.
  bool stacked = true;
  std::int64_t rows = 1;
  std::int64_t open_dims = 1;  // how long dimensions are that the model leaves open
  std::size_t max_bytes = 0;   // of all inputs together
};

// In the signature's order. Numbers are varied (varied_values.h); those that may be indices are 1,
// texts "1". kResourceExhausted where it would be more than `max_bytes`.
[[nodiscard]] Result<std::vector<Tensor>> made_up_rows(const ModelSignature& signature,
                                                       const RowsWanted& wanted);
// There is an open dimension besides that of the rows.
[[nodiscard]] bool has_open_dims(const ModelSignature& signature, bool stacked) noexcept;

}  // namespace muster
