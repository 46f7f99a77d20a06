// SPDX-License-Identifier: Apache-2.0
// Floating-point elements of every width as doubles.
#pragma once

#include <cstddef>

#include <muster/tensor.h>

namespace muster {

// FP16, BF16, FP32 or FP64.
[[nodiscard]] bool is_floating(DataType type) noexcept;
// The element that begins at `at`, aligned or not; NaN of a type that is not floating.
[[nodiscard]] double load_float(DataType type, const std::byte* at) noexcept;
// `value` as the nearest element of that type, infinite where it is too large; NaN stays NaN.
// Nothing is written of a type that is not floating.
void store_float(DataType type, double value, std::byte* at) noexcept;

}  // namespace muster
