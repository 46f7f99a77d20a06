// SPDX-License-Identifier: Apache-2.0
// The code is canonical: its codes follow from their lengths, shorter ones first, and those of one
// length in the order of what they stand for.
#include <array>
#include <cstdint>

#include "client/header_decoder.h"

namespace muster {
namespace {

constexpr std::size_t kSymbols = 257;  // all bytes, and the end of the text
constexpr std::uint16_t kEndOfText = 256;
constexpr unsigned kLongest = 30;

constexpr std::array<std::uint8_t, kSymbols> kLengths = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30};

struct Code {
  // By length: the first code, its place among `symbols`, and how many there are.
  std::array<std::uint32_t, kLongest + 1> first{};
  std::array<std::uint16_t, kLongest + 1> place{};
  std::array<std::uint16_t, kLongest + 1> count{};
  std::array<std::uint16_t, kSymbols> symbols{};
};

constexpr Code make_code() {
  Code code;
  std::uint32_t next = 0;
  std::uint16_t place = 0;
  for (unsigned length = 1; length <= kLongest; ++length) {
    next <<= 1U;
    code.first[length] = next;
    code.place[length] = place;
    for (std::uint16_t symbol = 0; symbol < kSymbols; ++symbol) {
      if (kLengths[symbol] != length) continue;
      code.symbols[place++] = symbol;
      ++code.count[length];
      ++next;
    }
  }
  return code;
}

constexpr Code kCode = make_code();

}  // namespace

bool decode_huffman(std::string_view coded, std::string& text) {
  std::uint32_t bits = 0;
  unsigned length = 0;
  for (const char c : coded) {
    const auto byte = static_cast<std::uint8_t>(c);
    for (int bit = 7; bit >= 0; --bit) {
      bits = bits << 1U | (byte >> bit & 1U);
      if (++length > kLongest) return false;
      const std::uint32_t offset = bits - kCode.first[length];
      if (bits < kCode.first[length] || offset >= kCode.count[length]) continue;
      const std::uint16_t symbol = kCode.symbols[kCode.place[length] + offset];
      if (symbol == kEndOfText) return false;
      text += static_cast<char>(symbol);
      bits = 0;
      length = 0;
    }
  }
  // The last byte is filled up with ones.
  return length < 8 && bits == (1U << length) - 1;
}

}  // namespace muster
