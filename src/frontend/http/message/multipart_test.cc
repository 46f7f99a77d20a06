// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/multipart.h"

#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

Result<std::vector<MultipartPart>> parse(std::string_view body, std::string_view boundary = "b") {
  return parse_multipart(body, boundary, MultipartLimits{3, 100});
}

TEST(MultipartTest, takes_files_and_fields_apart) {
  const std::string body =
      "a preamble\r\n--b\r\nContent-Disposition: form-data; name=\"top_k\"\r\n\r\n5\r\n"
      "--b \r\ncontent-disposition: form-data; name=f; filename=\"a;\\\"b.png\"\r\n"
      "Content-Type: IMAGE/png; x=y\r\n\r\n\x89PNG\r\n\r\n--a\r\n--b--an epilogue";
  const auto parts = parse(body);
  ASSERT_TRUE(parts.ok()) << parts.status().to_string();
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].name, "top_k");
  EXPECT_FALSE((*parts)[0].is_file);
  EXPECT_EQ((*parts)[0].content, "5");
  EXPECT_EQ((*parts)[1].name, "f");
  EXPECT_TRUE((*parts)[1].is_file);
  EXPECT_EQ((*parts)[1].content_type, "image/png");
  EXPECT_EQ((*parts)[1].content, "\x89PNG\r\n\r\n--a");
}

TEST(MultipartTest, a_part_may_have_no_headers_and_no_content) {
  const auto parts = parse("--b\r\n\r\n\r\n--b--");
  ASSERT_TRUE(parts.ok());
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ((*parts)[0].content, "");
}

TEST(MultipartTest, no_part_at_all_is_no_error) {
  const auto parts = parse("--b--");
  ASSERT_TRUE(parts.ok());
  EXPECT_TRUE(parts->empty());
}

TEST(MultipartTest, refuses_what_does_not_follow_the_grammar) {
  for (const std::string_view body :
       {"", "x", "--c\r\n\r\nx\r\n--c--", "--b", "--b\r\n", "--b\r\nA: b\r\n", "--b\r\n\r\nx",
        "--b\r\n\r\nx\r\n--b", "--b\r\n\r\nx\r\n--b\r\n", "--bx\r\n\r\ny\r\n--bx--"}) {
    EXPECT_EQ(parse(body).status().code(), StatusCode::kInvalidArgument) << body;
  }
}

TEST(MultipartTest, refuses_boundaries_that_are_none) {
  EXPECT_FALSE(parse("----", "").ok());
  EXPECT_FALSE(parse("--b--", std::string(71, 'b')).ok());
  EXPECT_FALSE(parse("--b--", "b\r\n").ok());
}

TEST(MultipartTest, holds_its_limits) {
  const std::string part = "--b\r\n\r\nx\r\n";
  EXPECT_TRUE(parse(part + part + part + "--b--").ok());
  EXPECT_FALSE(parse(part + part + part + part + "--b--").ok());
  EXPECT_FALSE(parse("--b\r\nA: " + std::string(100, 'x') + "\r\n\r\n\r\n--b--").ok());
}

}  // namespace
}  // namespace muster
