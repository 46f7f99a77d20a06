// SPDX-License-Identifier: Apache-2.0
#include "client/header_decoder.h"

#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

std::string of(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes)
    text += static_cast<char>(byte);
  return text;
}

std::string literal(int first, std::string_view name, std::string_view value) {
  std::string text = of({first});
  if (!name.empty()) text += of({static_cast<int>(name.size())}) + std::string(name);
  return text + of({static_cast<int>(value.size())}) + std::string(value);
}

// The examples of RFC 7541, Appendix C.4.1, C.6.1 and C.4.3.
TEST(Huffman, decodes_the_examples_of_its_standard) {
  const std::pair<std::string, std::string> examples[] = {
      {of({0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff}),
       "www.example.com"},
      {of({0xae, 0xc3, 0x77, 0x1a, 0x4b}), "private"},
      {of({0xd0, 0x7a, 0xbe, 0x94, 0x10, 0x54, 0xd4, 0x44, 0xa8, 0x20, 0x05,
           0x95, 0x04, 0x0b, 0x81, 0x66, 0xe0, 0x82, 0xa6, 0x2d, 0x1b, 0xff}),
       "Mon, 21 Oct 2013 20:13:21 GMT"},
      {of({0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf}), "custom-value"},
      {"", ""}};
  for (const auto& [coded, expected] : examples) {
    std::string text;
    EXPECT_TRUE(decode_huffman(coded, text)) << expected;
    EXPECT_EQ(text, expected);
  }
}

TEST(Huffman, refuses_what_is_no_code) {
  std::string text;
  EXPECT_FALSE(decode_huffman(of({0xff, 0xff, 0xff, 0xff}), text));        // the end of the text
  EXPECT_FALSE(decode_huffman(of({0xae, 0xc3, 0x77, 0x1a, 0x40}), text));  // filled up with zeros
  EXPECT_FALSE(decode_huffman(of({0x1f, 0xff}), text));                    // a whole byte too much
}

TEST(HeaderDecoder, finds_the_three_fields) {
  HeaderDecoder decoder;
  GrpcFields fields;
  // :status 200 by number; two literals, one of them not kept.
  const std::string block = of({0x88}) + literal(0x40, "grpc-status", "14") +
                            literal(0x00, "grpc-message", "the%20queue%zz%2");
  ASSERT_TRUE(decoder.read(block, fields));
  EXPECT_EQ(fields.http_status, 200);
  EXPECT_EQ(fields.grpc_status, 14);
  EXPECT_EQ(fields.grpc_message, "the queue%zz%2");
}

TEST(HeaderDecoder, remembers_what_was_kept) {
  HeaderDecoder decoder;
  GrpcFields first;
  ASSERT_TRUE(decoder.read(literal(0x40, "grpc-status", "0") + literal(0x48, "", "418"), first));
  EXPECT_EQ(first.http_status, 418);
  GrpcFields second;
  ASSERT_TRUE(decoder.read(of({0x80 | 63, 0x80 | 62}), second));
  EXPECT_EQ(second.grpc_status, 0);
  EXPECT_EQ(second.http_status, 418);
  // By its name alone, with another value.
  GrpcFields third;
  ASSERT_TRUE(decoder.read(literal(0x0f, "", "").substr(0, 1) + of({48}) + of({1}) + "7", third));
  EXPECT_EQ(third.grpc_status, 7);
}

TEST(HeaderDecoder, forgets_what_does_not_fit_its_table) {
  HeaderDecoder decoder;
  GrpcFields fields;
  ASSERT_TRUE(decoder.read(literal(0x40, "grpc-status", "0"), fields));
  EXPECT_TRUE(decoder.read(of({0x80 | 62}), fields));
  // Emptied by its server, and given back.
  ASSERT_TRUE(decoder.read(of({0x20, 0x3f, 0xe1, 0x1f}), fields));
  EXPECT_FALSE(decoder.read(of({0x80 | 62}), fields));
  // Pushed out by others.
  ASSERT_TRUE(decoder.read(literal(0x40, "grpc-status", "0"), fields));
  for (int i = 0; i < 60; ++i)
    ASSERT_TRUE(decoder.read(literal(0x40, "x", std::string(100, 'x')), fields));
  EXPECT_TRUE(decoder.read(of({0x80 | 62}), fields));
  EXPECT_FALSE(decoder.read(of({0xff, 0x80 | 62, 0x01}), fields));
}

TEST(HeaderDecoder, refuses_malformed_blocks) {
  for (const std::string& block :
       {of({0x80}), of({0x80 | 62}), of({0xff}), of({0x40}), of({0x40, 0x05, 'a'}),
        of({0x40, 0x01, 'a'}), of({0x40, 0x01, 'a', 0x7f}), of({0x7e}), of({0x3f, 0xe2, 0x1f}),
        of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}), of({0x48, 0x81, 0x00})}) {
    HeaderDecoder decoder;
    GrpcFields fields;
    EXPECT_FALSE(decoder.read(block, fields));
  }
}

}  // namespace
}  // namespace muster
