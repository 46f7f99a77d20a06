// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/plain_text.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

// From memory of its own, so that a sanitizer sees what is read behind it.
template <char kOther = '"'>
std::size_t plain_bytes(const std::string& text) {
  const std::vector<char> alone(text.begin(), text.end());
  const char* const begin = alone.data();
  return static_cast<std::size_t>(behind_plain<kOther>(begin, begin + alone.size()) - begin);
}

TEST(PlainText, ends_at_every_byte_that_is_not_plain_wherever_it_stands) {
  for (int value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    const bool expected = value >= 0x20 && value < 0x80 && c != '"' && c != '\\';
    EXPECT_EQ(is_plain(c), expected) << value;
    for (std::size_t at = 0; at < 20; ++at) {
      std::string text(20, 'x');
      text[at] = c;
      EXPECT_EQ(plain_bytes(text), expected ? 20 : at) << value;
    }
  }
}

TEST(PlainText, is_not_misled_by_what_follows) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {
          'a', static_cast<char>(first), static_cast<char>(second), 'b', 'c', 'd', 'e', 'f'};
      std::size_t expected = 1;
      while (expected < text.size() && is_plain(text[expected]))
        ++expected;
      EXPECT_EQ(plain_bytes(text), expected) << first << ' ' << second;
    }
  }
}

TEST(PlainText, ends_at_one_byte_more_where_that_is_asked_for) {
  for (std::size_t size = 0; size < 20; ++size) {
    const std::string text = std::string(size, 'x') + "\x7f";
    EXPECT_EQ(plain_bytes(text), size + 1);
    EXPECT_EQ(plain_bytes<'\x7f'>(text), size);
  }
}

}  // namespace
}  // namespace muster
