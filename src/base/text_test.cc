// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::string_view_literals::operator""sv;  // NOLINT(misc-unused-using-decls)

TEST(Printable, leaves_plain_text_alone) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("input_1 [N,3] ~"), "input_1 [N,3] ~");
}

TEST(Printable, escapes_control_characters) {
  EXPECT_EQ(printable("a\nb\r\tc\x1b[31m\x7f"), "a\\x0ab\\x0d\\x09c\\x1b[31m\\x7f");
  EXPECT_EQ(printable("a\0b"sv), "a\\x00b");
}

TEST(Printable, keeps_valid_utf8) {
  EXPECT_EQ(printable("größe"), "größe");
  EXPECT_EQ(printable("漢字"), "漢字");
  EXPECT_EQ(printable("\xF0\x9F\x90\x88"), "\xF0\x9F\x90\x88");
}

TEST(Printable, escapes_bytes_that_are_no_utf8) {
  EXPECT_EQ(printable("\xFF"), "\\xff");
  EXPECT_EQ(printable("\x80x"), "\\x80x");
  EXPECT_EQ(printable("\xC3"), "\\xc3");           // cut off
  EXPECT_EQ(printable("\xE6\xBC"), "\\xe6\\xbc");  // cut off
  EXPECT_EQ(printable("\xF0\x9F\x90"), "\\xf0\\x9f\\x90");
  EXPECT_EQ(printable("\xC0\xAF"), "\\xc0\\xaf");  // overlong
  EXPECT_EQ(printable("\xE0\x80\xAF"), "\\xe0\\x80\\xaf");
  EXPECT_EQ(printable("\xF0\x80\x80\xAF"), "\\xf0\\x80\\x80\\xaf");
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
}

TEST(Printable, escapes_the_controls_of_the_upper_half) {
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(printable("\xC2\xA0"), "\xC2\xA0");
}

TEST(Printable, cuts_behind_the_limit_only) {
  EXPECT_EQ(printable(std::string(200, 'a')), std::string(200, 'a'));
  EXPECT_EQ(printable(std::string(201, 'a')), std::string(200, 'a') + "...");
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdef", 5), "abcde...");
  EXPECT_EQ(printable("abc", 0), "...");
  EXPECT_EQ(printable("", 0), "");
}

TEST(Printable, never_cuts_through_a_character_or_an_escape) {
  EXPECT_EQ(printable("a漢b", 3), "a...");
  EXPECT_EQ(printable("a漢b", 4), "a漢...");
  EXPECT_EQ(printable("a\nb", 4), "a...");
  EXPECT_EQ(printable("a\nb", 5), "a\\x0a...");
}

TEST(Printable, bounds_what_escapes_make_of_a_text) {
  const std::string hostile(1 << 20, '\n');
  EXPECT_EQ(printable(hostile).size(), kMaxPrintedBytes + 3);
}

TEST(ParseInt, reads_whole_numbers) {
  EXPECT_EQ(parse_int("0"), 0);
  EXPECT_EQ(parse_int("-12"), -12);
  EXPECT_EQ(parse_int("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_int("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
}

TEST(ParseInt, refuses_everything_else) {
  for (const auto text : {"", " ", " 1", "1 ", "+1", "1.0", "1e3", "0x10", "-", "--1", "one",
                          "9223372036854775808", "1,000"}) {
    EXPECT_FALSE(parse_int(text).has_value()) << "'" << text << "'";
  }
  EXPECT_FALSE(parse_int("1\0"sv).has_value());
  EXPECT_FALSE(parse_int({}).has_value());
}

TEST(ParseDouble, reads_finite_numbers) {
  EXPECT_EQ(parse_double("0.5"), 0.5);
  EXPECT_EQ(parse_double("-1e3"), -1000);
  EXPECT_EQ(parse_double("7"), 7);
  EXPECT_EQ(parse_double(".25"), 0.25);
}

TEST(ParseDouble, refuses_everything_else) {
  for (const auto text : {"", " 1", "1 ", "+1", "1,5", "nan", "inf", "-inf", "infinity", "1e999",
                          "0x1p3", "1.5f", "."}) {
    EXPECT_FALSE(parse_double(text).has_value()) << "'" << text << "'";
  }
}

TEST(Nearest, finds_what_was_mistyped) {
  const std::vector<std::string_view> names = {"softmax", "none", "auto"};
  EXPECT_EQ(nearest("sofmax", names), "softmax");
  EXPECT_EQ(nearest("softmaxx", names), "softmax");
  EXPECT_EQ(nearest("nome", names), "none");
  EXPECT_EQ(nearest("none", names), "none");
}

TEST(Nearest, prefers_the_first_of_equals) {
  const std::vector<std::string_view> names = {"cat", "bat"};
  EXPECT_EQ(nearest("rat", names), "cat");
}

TEST(Nearest, finds_nothing_where_nothing_is_near) {
  const std::vector<std::string_view> names = {"softmax", "none"};
  EXPECT_EQ(nearest("sigmoid", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("none", {}), "");
}

TEST(Nearest, does_not_work_on_very_long_words) {
  const std::string word(101, 'a');
  const std::vector<std::string_view> names = {word};
  EXPECT_EQ(nearest(word, names), "");
}

}  // namespace
}  // namespace muster
