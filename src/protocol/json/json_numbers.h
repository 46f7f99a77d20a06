// SPDX-License-Identifier: Apache-2.0
// Numbers of a JSON text as the elements of a tensor. Each call reads what begins at `at`, which is
// before `end`.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <system_error>

namespace muster {

enum class NumberFault : std::uint8_t { kNone, kNoNumber, kOutOfRange };

// Small enough to be returned in registers: where the next number begins must not go through
// memory.
struct NumberRead {
  const char* at;  // behind the number; at a fault, where it begins
  NumberFault fault;
};

inline bool is_json_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// Whole numbers: neither fraction nor exponent, and no zero before other digits.
template <std::integral T>
NumberRead read_number(const char* at, const char* end, T& value) noexcept {
  const char* digit = at;
  if constexpr (std::is_signed_v<T>) {
    if (*digit == '-') ++digit;
  }
  if (digit == end || !is_json_digit(*digit)) return {at, NumberFault::kNoNumber};
  if (*digit == '0' && digit + 1 != end && is_json_digit(digit[1])) {
    return {at, NumberFault::kNoNumber};
  }
  const auto read = std::from_chars(at, end, value);
  if (read.ptr != end && (*read.ptr == '.' || *read.ptr == 'e' || *read.ptr == 'E')) {
    return {at, NumberFault::kNoNumber};
  }
  if (read.ec != std::errc()) return {at, NumberFault::kOutOfRange};
  return {read.ptr, NumberFault::kNone};
}

// Numbers, NaN, Infinity and -Infinity, rounded to nearest. What is too large is out of range, what
// is too small becomes 0.
NumberRead read_number(const char* at, const char* end, float& value) noexcept;
NumberRead read_number(const char* at, const char* end, double& value) noexcept;

}  // namespace muster
