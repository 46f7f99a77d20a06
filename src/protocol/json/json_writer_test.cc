// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/json_writer.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "protocol/json/json_reader.h"

namespace muster {
namespace {

std::string as_json(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

TEST(JsonWriter, escapes_what_json_or_a_terminal_would_read) {
  EXPECT_EQ(as_json("plain"), "\"plain\"");
  EXPECT_EQ(as_json("\"\\\n\r\t\x01\x7f"), R"("\"\\\n\r\t\u0001\u007f")");
  EXPECT_EQ(as_json("\u009b31m"), R"("\u009b31m")");
  EXPECT_EQ(as_json(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(JsonWriter, keeps_utf8_and_replaces_what_is_none) {
  EXPECT_EQ(as_json("\u00e9\u20ac\U0001F600"), "\"\u00e9\u20ac\U0001F600\"");
  EXPECT_EQ(as_json("a\xff\xc3z"), "\"a\ufffd\ufffdz\"");
  EXPECT_EQ(as_json("\xed\xa0\x80"), "\"\ufffd\ufffd\ufffd\"");
}

TEST(JsonWriter, writes_what_the_reader_reads_back) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      const std::string json = as_json(text);
      JsonReader reader(json, 1);
      std::string_view back;
      ASSERT_TRUE(reader.read_string(back) && reader.finish()) << json;
      if (json.find("\ufffd") == std::string::npos) {
        EXPECT_EQ(back, text);
      }
    }
  }
}

TEST(JsonWriter, writes_whole_numbers_of_64_bits) {
  std::string json;
  append_json_number(json, std::numeric_limits<std::int64_t>::min());
  json += ' ';
  append_json_number(json, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(json, "-9223372036854775808 18446744073709551615");
}

}  // namespace
}  // namespace muster
