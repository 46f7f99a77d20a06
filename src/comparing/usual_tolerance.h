// SPDX-License-Identifier: Apache-2.0
// By how much elements may differ where nobody says it, as a part of what they should be
// (output_comparison.h).
#pragma once

#include <string_view>

#include <muster/tensor.h>

namespace muster {

// Multiples of what one rounding costs: 2^-24 of FP32, 2^-11 of TF32 and FP16, 2^-8 of BF16 and of
// INT8's range. docs/verify.md has the reasons.
inline constexpr double kFp32Tolerance = 1e-4;
inline constexpr double kTf32Tolerance = 2e-2;
inline constexpr double kFp16Tolerance = 2e-2;
inline constexpr double kBf16Tolerance = 1e-1;
inline constexpr double kInt8Tolerance = 1e-1;

// "f32", "tf32", "f16", "bf16", "int8".
[[nodiscard]] bool is_precision(std::string_view name) noexcept;
// Of an output of that type, computed with that precision ("" or another: f32): the wider of the
// two.
[[nodiscard]] double usual_tolerance(std::string_view precision, DataType type) noexcept;

}  // namespace muster
