// SPDX-License-Identifier: Apache-2.0
#include "tensor/float_elements.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace muster {
namespace {

// IEEE 754 binary16: a sign, 5 bits of exponent that stand 15 too high, 10 bits of mantissa.
constexpr int kHalfBias = 15;
constexpr int kHalfMantissaBits = 10;
constexpr int kHalfImplicitOne = 1 << kHalfMantissaBits;
constexpr std::uint16_t kHalfInfinity = 0x7C00;
constexpr std::uint16_t kHalfNaN = 0x7E00;
constexpr std::uint16_t kBf16NaN = 0x7FC0;

double from_half(std::uint16_t half) noexcept {
  const int exponent = (half >> kHalfMantissaBits) & 0x1F;
  const int mantissa = half & (kHalfImplicitOne - 1);
  const double sign = (half & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 0x1F) {
    return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - kHalfBias - kHalfMantissaBits);
  return sign * std::ldexp(kHalfImplicitOne + mantissa, exponent - kHalfBias - kHalfMantissaBits);
}

std::uint16_t to_half(double value) noexcept {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const double magnitude = std::abs(value);
  if (magnitude == 0) return sign;
  if (std::isnan(value)) return kHalfNaN;
  // Below the smallest exponent the mantissa has no implicit one.
  const int exponent = std::max(std::ilogb(magnitude), 1 - kHalfBias);
  if (exponent > kHalfBias) return sign | kHalfInfinity;
  const auto mantissa =
      static_cast<int>(std::nearbyint(std::ldexp(magnitude, kHalfMantissaBits - exponent)));
  // A mantissa that is rounded up to the next power of two carries into the exponent by itself.
  const int bits = ((exponent + kHalfBias - 1) << kHalfMantissaBits) + mantissa;
  return static_cast<std::uint16_t>(sign | std::min<int>(bits, kHalfInfinity));
}

double from_bf16(std::uint16_t bits) noexcept {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U));
}

std::uint16_t to_bf16(double value) noexcept {
  if (std::isnan(value)) return kBf16NaN;
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
  const std::uint32_t to_nearest_even = 0x7FFF + ((bits >> 16U) & 1U);
  return static_cast<std::uint16_t>((bits + to_nearest_even) >> 16U);
}

template <typename T>
T load(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

template <typename T>
void store(T value, std::byte* at) noexcept {
  std::memcpy(at, &value, sizeof(value));
}

}  // namespace

bool is_floating(DataType type) noexcept {
  return type == DataType::kFp32 || type == DataType::kFp64 || type == DataType::kFp16 ||
         type == DataType::kBf16;
}

double load_float(DataType type, const std::byte* at) noexcept {
  switch (type) {
    case DataType::kFp32:
      return static_cast<double>(load<float>(at));
    case DataType::kFp64:
      return load<double>(at);
    case DataType::kFp16:
      return from_half(load<std::uint16_t>(at));
    case DataType::kBf16:
      return from_bf16(load<std::uint16_t>(at));
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

void store_float(DataType type, double value, std::byte* at) noexcept {
  switch (type) {
    case DataType::kFp32:
      return store(static_cast<float>(value), at);
    case DataType::kFp64:
      return store(value, at);
    case DataType::kFp16:
      return store(to_half(value), at);
    case DataType::kBf16:
      return store(to_bf16(value), at);
    default:
      return;
  }
}

}  // namespace muster
