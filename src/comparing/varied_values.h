// SPDX-License-Identifier: Apache-2.0
// Made-up values that differ from row to row, the same each time for the same seed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <muster/tensor.h>

namespace muster {

// Both ends belong to it.
struct ValueRange {
  double low = 0;
  double high = 1;
};

// By input name.
using ValueRanges = std::map<std::string, ValueRange, std::less<>>;

// Integers of a double's exactness, which a range of integers stays within.
inline constexpr double kMostExactInteger = 9007199254740992.0;  // 2^53

// Overwrites the elements of `tensor`, whose first axis counts rows. The values of each row fill a
// part of `range` of their own, so that rows differ as a whole and not in their noise alone.
//
// Without a range: [0,1] for floating-point elements, 0 to 255 for UINT8, either for BOOL; other
// integers may be indices, and texts anything: they stay as they are. kInvalidArgument where the
// range does not fit the type; it does not name the input.
[[nodiscard]] Status vary(Tensor& tensor, std::optional<ValueRange> range, std::uint64_t seed);

}  // namespace muster
