// SPDX-License-Identifier: Apache-2.0
#include "app/result_writer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

const std::vector<ClassScore> kScores = {{7, "seven", 0.75}, {1, "a,\"b\"", 0.25}};

TEST(ResultWriter, writes_a_table_with_ranks_only_where_there_are_several) {
  const ResultWriter one(ResultFormat::kTable, 1, 9);
  EXPECT_EQ(one.header(), "path       label             probability\n");
  EXPECT_EQ(one.lines("digit.png", {kScores.data(), 1}), "digit.png  seven             0.7500\n");
  const ResultWriter two(ResultFormat::kTable, 2, 9);
  EXPECT_EQ(two.header(), "path       rank  label             probability\n");
  EXPECT_EQ(two.lines("digit.png", {kScores.data(), 1}),
            "digit.png     1  seven             0.7500\n");
}

TEST(ResultWriter, writes_csv_with_quotes_where_they_are_needed) {
  const ResultWriter writer(ResultFormat::kCsv, 2, 9);
  EXPECT_EQ(writer.header(), "path,rank,label,probability\n");
  EXPECT_EQ(writer.lines("a b.png", kScores),
            "a b.png,1,seven,0.750000\na b.png,2,\"a,\"\"b\"\"\",0.250000\n");
}

TEST(ResultWriter, writes_one_json_object_a_line) {
  const ResultWriter writer(ResultFormat::kJson, 2, 9);
  EXPECT_EQ(writer.header(), "");
  EXPECT_EQ(writer.lines("x", kScores),
            "{\"path\":\"x\",\"rank\":1,\"label\":\"seven\",\"probability\":0.750000}\n"
            "{\"path\":\"x\",\"rank\":2,\"label\":\"a,\\\"b\\\"\",\"probability\":0.250000}\n");
}

TEST(ResultWriter, escapes_control_characters_in_a_table) {
  const ResultWriter writer(ResultFormat::kTable, 1, 4);
  const std::vector<ClassScore> evil = {{0, "\x1b[31m", 1}};
  EXPECT_EQ(writer.lines("a\nb", evil).find('\x1b'), std::string::npos);
  EXPECT_EQ(writer.lines("a\nb", evil).find('\n'), writer.lines("a\nb", evil).size() - 1);
}

TEST(JsonString, is_valid_whatever_the_bytes) {
  EXPECT_EQ(json_string("a\"b\\c\n\t\x1b"), R"("a\"b\\c\u000a\u0009\u001b")");
  EXPECT_EQ(json_string("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(json_string("\xff\xc3"), R"("\ufffd\ufffd")");
  EXPECT_EQ(json_string(""), R"("")");
}

}  // namespace
}  // namespace muster
