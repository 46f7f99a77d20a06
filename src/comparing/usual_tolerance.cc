// SPDX-License-Identifier: Apache-2.0
#include "comparing/usual_tolerance.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace muster {
namespace {

using Row = std::pair<std::string_view, double>;
constexpr Row kPrecisions[] = {{"f32", kFp32Tolerance},
                               {"tf32", kTf32Tolerance},
                               {"f16", kFp16Tolerance},
                               {"bf16", kBf16Tolerance},
                               {"int8", kInt8Tolerance}};

double of_precision(std::string_view precision) noexcept {
  const auto* found = std::ranges::find(kPrecisions, precision, &Row::first);
  return found == std::end(kPrecisions) ? kFp32Tolerance : found->second;
}

// What the elements themselves can tell apart.
double of_type(DataType type) noexcept {
  if (type == DataType::kFp16) return kFp16Tolerance;
  return type == DataType::kBf16 ? kBf16Tolerance : 0;
}

}  // namespace

bool is_precision(std::string_view name) noexcept {
  return std::ranges::find(kPrecisions, name, &Row::first) != std::end(kPrecisions);
}

double usual_tolerance(std::string_view precision, DataType type) noexcept {
  return std::max(of_precision(precision), of_type(type));
}

}  // namespace muster
