// SPDX-License-Identifier: Apache-2.0
#include "app/server_flags.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/temporary_folder.h"

namespace muster {
namespace {

class TokenFile : public testing::Test {
 protected:
  std::string with(const std::string& text) {
    const std::string file = folder_.path() / "token";
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }

  const TemporaryFolder folder_ = TemporaryFolder::make("muster-token").value();
};

TEST_F(TokenFile, holds_a_token_with_space_around) {
  EXPECT_EQ(*read_bearer_token(with("s3cret-s3cret\n")), "s3cret-s3cret");
  EXPECT_EQ(*read_bearer_token(with(" \r\n\tabc \n")), "abc");
  EXPECT_EQ(read_bearer_token(with(std::string(4096, 'x')))->size(), 4096U);
}

TEST_F(TokenFile, is_refused_without_showing_what_is_in_it) {
  for (const std::string& text :
       {std::string(), std::string(" \n"), std::string("infer s3cret"),
        std::string("s3cret\ns3cret"), std::string("s3cret\0", 7),
        "s3cret" + std::string(5000, 'x'), std::string("s3cr\xc3\xa9t")}) {
    const auto token = read_bearer_token(with(text));
    EXPECT_EQ(token.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(token.status().message().find("s3cr"), std::string::npos);
  }
  EXPECT_FALSE(read_bearer_token(folder_.path() / "missing").ok());
  EXPECT_FALSE(read_bearer_token(folder_.path()).ok());
}

TEST_F(TokenFile, goes_with_the_url) {
  const ServerFlags flags{with("abc"), 0.5};
  const auto server = parse_server_access("--url", "grpc://localhost:1", flags);
  ASSERT_TRUE(server.ok());
  EXPECT_EQ(server->bearer_token, "abc");
  EXPECT_EQ(server->limit, std::chrono::milliseconds(500));
  const auto other = parse_server_access("--against", "localhost:1", flags);
  EXPECT_TRUE(other.status().message().starts_with("--against: 'localhost:1' says no transport"));
}

}  // namespace
}  // namespace muster
