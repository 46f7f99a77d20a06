// SPDX-License-Identifier: Apache-2.0
// The rows of a tensor whose first axis counts them, BYTES included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <muster/tensor.h>

namespace muster {

// The byte at which each row begins, and behind the last its end. The first dimension must be
// `rows`, at least 1. An error where the elements of BYTES do not add up.
[[nodiscard]] Result<std::vector<std::size_t>> row_offsets(const TensorView& tensor,
                                                           std::int64_t rows);

}  // namespace muster
