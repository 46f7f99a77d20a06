// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/json_numbers.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string_view>

namespace muster {
namespace {

// Where a number's digits are a whole number that T holds exactly, and so is the power of ten that
// they are divided by, the division rounds once, which makes it right
// (W. D. Clinger, "How to Read Floating Point Numbers Accurately", 1990).
template <typename T>
struct Exact;
template <>
struct Exact<float> {
  static constexpr std::uint64_t kLargest = std::uint64_t{1} << 24;
  static constexpr std::array<float, 11> kPowers = {1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F,
                                                    1e6F, 1e7F, 1e8F, 1e9F, 1e10F};
};
template <>
struct Exact<double> {
  static constexpr std::uint64_t kLargest = std::uint64_t{1} << 53;
  static constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
};

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
NumberFault read_word(const char*& at, const char* end, T& value) noexcept {
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
    return NumberFault::kNoNumber;
  }
  at = rest.data();
  return NumberFault::kNone;
}

// Any number. from_chars takes more than JSON does ("1.", ".5"): that is looked for first.
template <typename T>
NumberFault read_any(const char*& at, const char* end, T& value) noexcept {
  const char* const whole = *at == '-' ? at + 1 : at;
  const char* const point = behind_digits(whole, end);
  if (*whole == '0' && point - whole > 1) return NumberFault::kNoNumber;
  if (point != end && *point == '.' && (point + 1 == end || !is_json_digit(point[1]))) {
    return NumberFault::kNoNumber;
  }
  const auto read = std::from_chars(at, end, value);
  if (goes_on(read.ptr, end)) return NumberFault::kNoNumber;
  if (read.ec == std::errc::result_out_of_range) {
    if (is_large({whole, static_cast<std::size_t>(read.ptr - whole)})) {
      return NumberFault::kOutOfRange;
    }
    value = *at == '-' ? -T{0} : T{0};
  } else if (read.ec != std::errc()) {
    return NumberFault::kNoNumber;
  }
  at = read.ptr;
  return NumberFault::kNone;
}

template <typename T>
NumberFault read_float(const char*& at, const char* end, T& value) noexcept {
  const bool negative = *at == '-';
  const char* const whole = negative ? at + 1 : at;
  const char* p = whole;
  std::uint64_t digits = 0;
  const auto take_digits = [&] {
    while (p != end && is_json_digit(*p) && digits <= Exact<T>::kLargest)
      digits = digits * 10 + static_cast<std::uint64_t>(*p++ - '0');
  };
  take_digits();
  if (p == whole) return read_word(at, end, value);
  const bool begins_with_zero = *whole == '0' && p - whole > 1;
  std::size_t decimals = 0;
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    take_digits();
    decimals = static_cast<std::size_t>(p - fraction);
    if (decimals == 0) return read_any(at, end, value);
  }
  if (digits > Exact<T>::kLargest || decimals >= Exact<T>::kPowers.size() || begins_with_zero ||
      goes_on(p, end)) {
    return read_any(at, end, value);
  }
  const T magnitude = static_cast<T>(digits) / Exact<T>::kPowers[decimals];
  value = negative ? -magnitude : magnitude;
  at = p;
  return NumberFault::kNone;
}

}  // namespace

NumberFault read_number(const char*& at, const char* end, float& value) noexcept {
  return read_float(at, end, value);
}

NumberFault read_number(const char*& at, const char* end, double& value) noexcept {
  return read_float(at, end, value);
}

}  // namespace muster
