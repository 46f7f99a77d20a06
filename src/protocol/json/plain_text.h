// SPDX-License-Identifier: Apache-2.0
// The part of a JSON string that stands for itself.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace muster {

// Neither quote, backslash, control character (but DEL, which JSON allows) nor part of a longer
// UTF-8 character.
inline bool is_plain(char c) noexcept {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
         c != '"' && c != '\\';
}

// The first byte from `at` on that is not plain, or is kOther, or `end`. Eight bytes at once.
template <char kOther = '"'>
const char* behind_plain(const char* at, const char* end) noexcept {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t kEvery = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x80 * kEvery;
  while (end - at >= 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof(bytes));
    // The highest bit of each byte that is not plain; a borrow reaches only bytes behind the first.
    const std::uint64_t quotes = bytes ^ ('"' * kEvery);
    const std::uint64_t slashes = bytes ^ ('\\' * kEvery);
    const std::uint64_t other = bytes ^ (kOther * kEvery);
    const std::uint64_t others = (bytes | (bytes - 0x20 * kEvery) | (quotes - kEvery) |
                                  (slashes - kEvery) | (other - kEvery)) &
                                 kHigh;
    if (others != 0) return at + std::countr_zero(others) / 8;
    at += 8;
  }
  while (at != end && is_plain(*at) && *at != kOther)
    ++at;
  return at;
}

}  // namespace muster
