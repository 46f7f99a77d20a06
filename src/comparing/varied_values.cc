// SPDX-License-Identifier: Apache-2.0
#include "comparing/varied_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <random>
#include <span>

#include <fmt/format.h>

#include "tensor/float_elements.h"

namespace muster {
namespace {

class Randomness {
 public:
  explicit Randomness(std::uint64_t seed) : engine_(seed) {}

  // [0, 1], the same on every machine; the standard's distributions are not.
  double fraction() {
    constexpr int kBits = 53;
    return static_cast<double>(engine_() >> (64 - kBits)) /
           static_cast<double>((1ULL << kBits) - 1);
  }
  double within(const ValueRange& range) {
    return range.low + (range.high - range.low) * fraction();
  }
  ValueRange part_of(const ValueRange& range) {
    const double one = within(range);
    const double other = within(range);
    return {std::min(one, other), std::max(one, other)};
  }

 private:
  std::mt19937_64 engine_;
};

template <typename Integer>
void store_integer(double value, std::byte* at) {
  const auto element = static_cast<Integer>(value);
  std::memcpy(at, &element, sizeof(element));
}

struct IntegerType {
  DataType type;
  double low;
  double high;
  void (*store)(double value, std::byte* at);
};

template <typename Integer>
constexpr IntegerType integer(DataType type) {
  using Limits = std::numeric_limits<Integer>;
  return {type, std::max(static_cast<double>(Limits::min()), -kMostExactInteger),
          std::min(static_cast<double>(Limits::max()), kMostExactInteger), store_integer<Integer>};
}

constexpr IntegerType kIntegers[] = {{DataType::kBool, 0, 1, store_integer<std::uint8_t>},
                                     integer<std::uint8_t>(DataType::kUint8),
                                     integer<std::uint16_t>(DataType::kUint16),
                                     integer<std::uint32_t>(DataType::kUint32),
                                     integer<std::uint64_t>(DataType::kUint64),
                                     integer<std::int8_t>(DataType::kInt8),
                                     integer<std::int16_t>(DataType::kInt16),
                                     integer<std::int32_t>(DataType::kInt32),
                                     integer<std::int64_t>(DataType::kInt64)};

std::optional<ValueRange> usual_range(DataType type) {
  if (is_floating(type) || type == DataType::kBool) return ValueRange{0, 1};
  if (type == DataType::kUint8) return ValueRange{0, 255};
  return std::nullopt;
}

// The largest number of the type that is no infinity.
double largest(DataType type) {
  if (type == DataType::kFp16) return 65504;
  if (type == DataType::kFp64) return std::numeric_limits<double>::max() / 2;
  return static_cast<double>(std::numeric_limits<float>::max()) / 2;
}

Status check_range(DataType type, const IntegerType* whole, const ValueRange& range) {
  const double low = whole != nullptr ? whole->low : -largest(type);
  const double high = whole != nullptr ? whole->high : largest(type);
  const bool in_type = whole == nullptr || (std::nearbyint(range.low) == range.low &&
                                            std::nearbyint(range.high) == range.high);
  if (in_type && range.low <= range.high && range.low >= low && range.high <= high) return {};
  return invalid_argument(fmt::format(
      "the range {:g},{:g} does not fit {}: give two {}numbers, the "
      "lower one first, within {:g},{:g}",
      range.low, range.high, data_type_name(type), whole != nullptr ? "whole " : "", low, high));
}

}  // namespace

Status vary(Tensor& tensor, std::optional<ValueRange> range, std::uint64_t seed) {
  const DataType type = tensor.type();
  const auto* found = std::ranges::find(kIntegers, type, &IntegerType::type);
  const IntegerType* whole = found == std::end(kIntegers) ? nullptr : found;
  if (whole == nullptr && !is_floating(type)) {
    return range ? invalid_argument("a range of numbers is for inputs of numbers") : Status();
  }
  if (!range) range = usual_range(type);
  if (!range) return {};
  MUSTER_RETURN_IF_ERROR(check_range(type, whole, *range));

  Randomness random(seed);
  const std::size_t size = element_size(type);
  const std::span<std::byte> bytes = tensor.bytes();
  const auto rows = static_cast<std::size_t>(tensor.shape().rank() == 0 ? 1 : tensor.shape()[0]);
  const std::size_t row_bytes = rows == 0 ? 0 : bytes.size() / rows;
  for (std::size_t row = 0; row < rows; ++row) {
    const ValueRange part = random.part_of(*range);
    for (std::size_t at = row * row_bytes; at < (row + 1) * row_bytes; at += size) {
      const double value = random.within(part);
      if (whole != nullptr) {
        whole->store(std::nearbyint(value), bytes.data() + at);
      } else {
        store_float(type, value, bytes.data() + at);
      }
    }
  }
  return {};
}

}  // namespace muster
