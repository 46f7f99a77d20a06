// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/json_numbers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string_view>

namespace muster {
namespace {

// All powers of ten that a double holds exactly.
constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
// The same as whole numbers, as many as there are digits at once.
constexpr std::array<std::uint64_t, 17> kTens = [] {
  std::array<std::uint64_t, 17> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i)
    powers[i] = powers[i - 1] * 10;
  return powers;
}();
constexpr std::ptrdiff_t kMostDigits = 19;  // that fit into 64 bits

// `digits` / 10^`decimals`, rounded once; false where it would not be sure to be the nearest.
// Where a double holds the digits exactly, the division rounds once, which makes it right
// (W. D. Clinger, "How to Read Floating Point Numbers Accurately", 1990).
bool divide(std::uint64_t digits, std::size_t decimals, double& value) noexcept {
  if (digits > std::uint64_t{1} << 53) return false;
  value = static_cast<double>(digits) / kPowers[decimals];
  return true;
}

// Rounding to a double first, even twice, is wrong for a float only where the double lies within
// those errors of the middle between two floats.
bool divide(std::uint64_t digits, std::size_t decimals, float& value) noexcept {
  constexpr std::uint64_t kBelowFloat = (std::uint64_t{1} << 29) - 1;  // bits that a float drops
  constexpr std::uint64_t kMiddle = std::uint64_t{1} << 28;
  constexpr std::uint64_t kNear = 8;  // the two errors are less than 2
  const double nearly = static_cast<double>(digits) / kPowers[decimals];
  const std::uint64_t dropped = std::bit_cast<std::uint64_t>(nearly) & kBelowFloat;
  if (dropped - (kMiddle - kNear) <= 2 * kNear) return false;
  value = static_cast<float>(nearly);
  return true;
}

// Up to eight digits, all at once and without a branch: how many there are is not to be foretold.
struct Digits {
  std::uint64_t number;
  std::size_t count;
};

// Of eight digits, as numbers, the first in the lowest byte. Pairs of digits, then of
// pairs, then of fours.
std::uint64_t number_of(std::uint64_t digits) noexcept {
  constexpr std::uint64_t kEvery4 = 0x000000FF000000FF;
  digits = digits * 10 + (digits >> 8);
  return ((digits & kEvery4) * (100 + (std::uint64_t{1000000} << 32)) +
          (digits >> 16 & kEvery4) * (1 + (std::uint64_t{10000} << 32))) >>
         32;
}

// Of the eight bytes at `at`, the digits that they begin with.
inline Digits leading_digits(const char* at) noexcept {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, at, sizeof(bytes));
  const std::uint64_t digits = bytes ^ 0x3030303030303030;  // 0 to 9 where it is one
  // The highest bit of a byte that is none; a carry reaches only bytes behind the first of them.
  const std::uint64_t others =
      ((digits + 0x7676767676767676) | digits) & std::uint64_t{0x8080808080808080};
  const auto count = static_cast<unsigned>(std::countr_zero(others)) / 8;
  // Zeros before them take the place of what is behind them; in halves, as 64 is no shift.
  const unsigned half = 4 * (8 - count);
  return {number_of(digits << half << half), count};
}

// Up to sixteen digits, of the sixteen bytes at `at`.
inline Digits leading_sixteen(const char* at) noexcept {
  const Digits first = leading_digits(at);
  const Digits second = leading_digits(at + 8);
  const std::uint64_t both = std::uint64_t{0} - std::uint64_t{first.count == 8};
  const std::size_t more = second.count & both;
  return {first.number * kTens[more] + (second.number & both), first.count + more};
}

// What follows at `at` behind `digits`; wraps where there are too many, which the caller looks for.
inline const char* take_digits(const char* at, const char* end, std::uint64_t& digits) noexcept {
  while (end - at >= 16) {
    const Digits next = leading_sixteen(at);
    digits = digits * kTens[next.count] + next.number;
    at += next.count;
    if (next.count < 16) return at;
  }
  for (; at != end && is_json_digit(*at); ++at)
    digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
  return at;
}

bool goes_on(const char* at, const char* end) noexcept {
  return at != end && (is_json_digit(*at) || *at == '.' || *at == 'e' || *at == 'E');
}

const char* behind_digits(const char* at, const char* end) noexcept {
  while (at != end && is_json_digit(*at))
    ++at;
  return at;
}

// Whether a number that no float can hold is too large, and not too small. Without sign.
bool is_large(std::string_view number) noexcept {
  const std::size_t e = number.find_first_of("eE");
  const std::string_view digits = number.substr(0, e);
  const std::size_t first = digits.find_first_of("123456789");
  if (first == std::string_view::npos) return false;
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::int64_t magnitude =
      static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);  // of the first digit
  if (e == std::string_view::npos) return magnitude > 0;
  std::string_view text = number.substr(e + 1);
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (read.ec != std::errc()) return !text.starts_with('-');
  // Neither is near the limits of its type unless it decides alone.
  constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max() / 2;
  if (exponent > kFar || exponent < -kFar) return exponent > 0;
  return magnitude + exponent > 0;
}

template <typename T>
NumberRead read_word(const char* at, const char* end, T& value) noexcept {
  std::string_view rest(at, static_cast<std::size_t>(end - at));
  constexpr std::string_view kInfinity = "Infinity";
  constexpr std::string_view kNan = "NaN";
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  if (rest.starts_with(kInfinity)) {
    value = negative ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
    rest.remove_prefix(kInfinity.size());
  } else if (!negative && rest.starts_with(kNan)) {
    value = std::numeric_limits<T>::quiet_NaN();
    rest.remove_prefix(kNan.size());
  } else {
    return {at, NumberFault::kNoNumber};
  }
  return {rest.data(), NumberFault::kNone};
}

// Any number. from_chars takes more than JSON does ("1.", ".5"): that is looked for first.
template <typename T>
NumberRead read_any(const char* at, const char* end, T& value) noexcept {
  const NumberRead no_number{at, NumberFault::kNoNumber};
  const char* const whole = *at == '-' ? at + 1 : at;
  const char* const point = behind_digits(whole, end);
  if (*whole == '0' && point - whole > 1) return no_number;
  if (point != end && *point == '.' && (point + 1 == end || !is_json_digit(point[1]))) {
    return no_number;
  }
  const auto read = std::from_chars(at, end, value);
  if (goes_on(read.ptr, end)) return no_number;
  if (read.ec == std::errc::result_out_of_range) {
    if (is_large({whole, static_cast<std::size_t>(read.ptr - whole)})) {
      return {at, NumberFault::kOutOfRange};
    }
    value = *at == '-' ? -T{0} : T{0};
  } else if (read.ec != std::errc()) {
    return no_number;
  }
  return {read.ptr, NumberFault::kNone};
}

// Any number, of which most are read without the library. Apart from the way that most take, so
// that this has few registers to save.
template <typename T>
[[gnu::noinline]] NumberRead read_float(const char* at, const char* end, T& value) noexcept {
  const bool negative = *at == '-';
  const char* const whole = negative ? at + 1 : at;
  const char* p = whole;
  std::uint64_t digits = 0;
  while (p != end && is_json_digit(*p))  // few, as a rule
    digits = digits * 10 + static_cast<std::uint64_t>(*p++ - '0');
  if (p == whole) return read_word(at, end, value);
  std::ptrdiff_t count = p - whole;
  const bool begins_with_zero = *whole == '0' && count > 1;
  std::ptrdiff_t decimals = 0;
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    p = take_digits(p, end, digits);
    decimals = p - fraction;
    count += decimals;
    if (decimals == 0) return read_any(at, end, value);
  }
  T magnitude{};
  if (count > kMostDigits || begins_with_zero || goes_on(p, end) ||
      !divide(digits, static_cast<std::size_t>(decimals), magnitude)) {
    return read_any(at, end, value);
  }
  value = negative ? -magnitude : magnitude;
  return {p, NumberFault::kNone};
}

// A digit, a point and up to sixteen decimals, as most elements of tensors are; all else is left to
// the function above.
template <typename T>
inline NumberRead read_usual(const char* at, const char* end, T& value) noexcept {
  constexpr std::ptrdiff_t kLooked =
      20;  // a sign, a digit, a point, sixteen bytes, one behind them
  if (end - at < kLooked) return read_float(at, end, value);
  const bool negative = *at == '-';
  const char* const whole = at + (negative ? 1 : 0);
  const auto first = static_cast<std::uint64_t>(static_cast<unsigned char>(*whole)) - '0';
  if (first > 9 || whole[1] != '.') return read_float(at, end, value);
  const Digits fraction = leading_sixteen(whole + 2);
  const char* const behind = whole + 2 + fraction.count;
  T magnitude{};
  if (fraction.count == 0 || goes_on(behind, end) ||
      !divide(first * kTens[fraction.count] + fraction.number, fraction.count, magnitude)) {
    return read_float(at, end, value);
  }
  value = negative ? -magnitude : magnitude;
  return {behind, NumberFault::kNone};
}

}  // namespace

NumberRead read_number(const char* at, const char* end, float& value) noexcept {
  return read_usual(at, end, value);
}

NumberRead read_number(const char* at, const char* end, double& value) noexcept {
  return read_usual(at, end, value);
}

}  // namespace muster
