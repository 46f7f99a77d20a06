// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/json_reader.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

constexpr std::size_t kDepth = 8;

bool is_json(std::string_view text) {
  JsonReader json(text, kDepth);
  return json.skip_value() && json.finish();
}

std::string string_in(std::string_view text) {
  JsonReader json(text, kDepth);
  std::string_view value;
  return json.read_string(value) && json.finish() ? std::string(value)
                                                  : std::string(json.status().message());
}

TEST(JsonReader, takes_what_is_json) {
  for (const std::string_view text :
       {"{}", "[]", " [ ] ", "[1,2]", "{\"a\":{\"b\":[null,true,false,\"\",-0.5e+10]}}", "0", "-0",
        "1E5", "1e-5", "\"\\u00e9\\n\\/\"", "[[],[[]],{}]", "\"\x7f\"", "\"\xf0\x9f\x98\x80\"",
        "\t\r\n{\"a\" : 1 , \"a\" : 2}\n"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
}

TEST(JsonReader, refuses_what_is_none) {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{\"a\":1 \"b\":2}",
                                      "{1:2}",
                                      "01",
                                      "-",
                                      "+1",
                                      ".5",
                                      "1.",
                                      "1.e5",
                                      "1e",
                                      "1e+",
                                      "0x10",
                                      "NaN",
                                      "Infinity",
                                      "-Infinity",
                                      "tru",
                                      "truee",
                                      "nul",
                                      "'a'",
                                      "\"a",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u12g4\"",
                                      "\"\\ud800\"",
                                      "\"\\udc00\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\n\"",
                                      "\"\x80\"",
                                      "\"\xc0\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "\"\xe2\x82\"",
                                      "[1]]",
                                      "{}{}",
                                      "1 1",
                                      "[}",
                                      "{]",
                                      "\"\\",
                                      "\"\\u"}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
  EXPECT_FALSE(is_json(std::string_view("\"\0\"", 3)));
  EXPECT_FALSE(is_json(std::string_view("[\0]", 3)));
}

TEST(JsonReader, bounds_how_deep_containers_lie) {
  EXPECT_TRUE(is_json(std::string(kDepth, '[') + std::string(kDepth, ']')));
  EXPECT_FALSE(is_json(std::string(kDepth + 1, '[') + std::string(kDepth + 1, ']')));
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i)
    objects += "{\"a\":";
  EXPECT_FALSE(is_json(objects));
  EXPECT_FALSE(is_json(std::string(1'000'000, '[')));
}

TEST(JsonReader, counts_depth_and_not_neighbours) {
  std::string many = "[";
  for (int i = 0; i < 1000; ++i)
    many += "[{}],";
  EXPECT_TRUE(is_json(many + "0]"));
}

TEST(JsonReader, decodes_escapes) {
  EXPECT_EQ(string_in(R"("a\"\\\/\b\f\n\r\tz")"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(string_in(R"("\u0041\u00e9\u20AC\ud83d\ude00")"), "A\u00e9\u20ac\U0001F600");
  EXPECT_EQ(string_in(R"("\u0000")"), std::string(1, '\0'));
}

TEST(JsonReader, says_where_the_fault_is) {
  JsonReader json(R"({"a" 1})", kDepth, "the body");
  EXPECT_FALSE(json.skip_value());
  EXPECT_EQ(json.status().message(), "the body, at byte 5: ':' is expected");
  EXPECT_EQ(json.status().code(), StatusCode::kInvalidArgument);
}

TEST(JsonReader, keeps_a_key_while_its_value_is_skipped) {
  JsonReader json(
      R"({"\u0061":{"\u0062\u0063\u0064\u0065 and a long key so that it allocates":1}})", kDepth);
  std::string_view key;
  ASSERT_TRUE(json.enter_object());
  ASSERT_TRUE(json.next_field(key));
  ASSERT_TRUE(json.skip_value());
  EXPECT_EQ(key, "a");
  EXPECT_FALSE(json.next_field(key));
  EXPECT_TRUE(json.ok());
  EXPECT_TRUE(json.finish());
}

TEST(JsonReader, reads_integers_in_their_range_alone) {
  const auto read = [](std::string_view text) {
    JsonReader json(text, kDepth);
    std::int64_t value = 0;
    return json.read_int(value) ? std::to_string(value) : "none";
  };
  EXPECT_EQ(read("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(read("9223372036854775808"), "none");
  EXPECT_EQ(read("1.0"), "none");
  EXPECT_EQ(read("1e2"), "none");
  EXPECT_EQ(read("\"1\""), "none");
}

TEST(JsonReader, takes_words_for_numbers_only_where_it_is_told) {
  JsonReader json("[NaN,Infinity,-Infinity]", kDepth);
  std::string_view text;
  EXPECT_TRUE(json.skip_value(text, true));
  EXPECT_EQ(text, "[NaN,Infinity,-Infinity]");
}

}  // namespace
}  // namespace muster
