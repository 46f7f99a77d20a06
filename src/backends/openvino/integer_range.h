// SPDX-License-Identifier: Apache-2.0
// Whole numbers that the runtime cannot compute with: on a CPU it takes INT64, UINT64 and UINT32 as
// INT32.
#pragma once

#include <openvino/core/model.hpp>

#include <muster/model.h>

namespace muster::openvino {

// One that the runtime computes as INT32.
[[nodiscard]] bool is_narrowed(DataType type) noexcept;

// Refuses a constant of the model, or of a body of its loops and conditions, with an element beyond
// 32 bits. What means "as far as it goes" may be there: the least and the largest number of the
// type, and whatever is a bound of a slice.
[[nodiscard]] Status check_constants(const ov::Model& model);

}  // namespace muster::openvino
