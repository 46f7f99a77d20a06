// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/message/header_values.h"

#include <string>

#include <gtest/gtest.h>

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

TEST(GrpcTimeoutTest, has_six_units) {
  EXPECT_EQ(parse_grpc_timeout("2H"), 2h);
  EXPECT_EQ(parse_grpc_timeout("3M"), 3min);
  EXPECT_EQ(parse_grpc_timeout("4S"), 4s);
  EXPECT_EQ(parse_grpc_timeout("250m"), 250ms);
  EXPECT_EQ(parse_grpc_timeout("99999999u"), 99999999us);
  EXPECT_EQ(parse_grpc_timeout("7n"), 7ns);
  EXPECT_EQ(parse_grpc_timeout("0n"), 0ns);
  EXPECT_EQ(parse_grpc_timeout("00000001S"), 1s);
}

TEST(GrpcTimeoutTest, is_as_long_as_can_be_where_it_does_not_fit) {
  EXPECT_EQ(parse_grpc_timeout("99999999H"), std::chrono::nanoseconds::max());
  EXPECT_EQ(parse_grpc_timeout("99999999M"), 99999999min);
}

TEST(GrpcTimeoutTest, is_nothing_else) {
  for (const char* wrong : {"", "1", "S", "1s", "1h", "-1S", "+1S", " 1S", "1 S", "1.5S",
                            "123456789S", "1SS", "0x1S", "S1", "1S "})
    EXPECT_EQ(parse_grpc_timeout(wrong), std::nullopt) << wrong;
}

TEST(PercentEncodingTest, leaves_printable_ascii_alone) {
  std::string out = "before:";
  append_percent_encoded("a b~!", out);
  EXPECT_EQ(out, "before:a b~!");
  out.clear();
  append_percent_encoded(std::string("50%\n\x7f\0\xc3\xa9", 8), out);
  EXPECT_EQ(out, "50%25%0A%7F%00%C3%A9");
}

TEST(GrpcContentTypeTest, begins_with_grpcs_own) {
  for (const char* right : {"application/grpc", "application/grpc+proto", "application/grpc+json",
                            "application/grpc;charset=utf-8", "Application/GRPC"})
    EXPECT_TRUE(is_grpc_content_type(right)) << right;
  for (const char* wrong : {"", "application/json", "application/grp", "application/grpc-web",
                            "application/grpcx", "text/application/grpc"})
    EXPECT_FALSE(is_grpc_content_type(wrong)) << wrong;
}

TEST(MessageCodingTest, is_known_by_its_name) {
  using enum MessageCoding;
  for (const MessageCoding coding : {kIdentity, kDeflate, kGzip}) {
    EXPECT_EQ(parse_message_coding(coding_name(coding)), coding);
    EXPECT_TRUE(accepts_coding(kAcceptedCodings, coding));
  }
  for (const char* unknown : {"", "br", "GZIP", "gzip,deflate", "snappy"})
    EXPECT_EQ(parse_message_coding(unknown), std::nullopt) << unknown;
  EXPECT_TRUE(accepts_coding("identity , gzip", kGzip));
  EXPECT_TRUE(accepts_coding("gzip", kGzip));
  for (const char* without : {"", ",", "identity,deflate", "xgzip", "gzipx"})
    EXPECT_FALSE(accepts_coding(without, kGzip)) << without;
}

}  // namespace
}  // namespace muster::testing
