// SPDX-License-Identifier: Apache-2.0
#include "client/server_address.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(ServerUrl, names_a_transport_and_a_place) {
  for (const char* url : {"http://127.0.0.1:8000", "grpc://example.org:8001", "http://[::1]:80",
                          "unix:/run/muster", "unix+grpc:relative.grpc"}) {
    const auto address = parse_server_url(url);
    ASSERT_TRUE(address.ok()) << address.status().to_string();
    EXPECT_EQ(server_url(*address), url);
  }
  const auto address = parse_server_url("grpc://[fe80::1]:65535/");
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->transport, Transport::kGrpc);
  EXPECT_EQ(address->host, "fe80::1");
  EXPECT_EQ(address->port, 65535);
  EXPECT_EQ(authority_of(*address), "[fe80::1]:65535");
}

TEST(ServerUrl, tells_the_server_localhost_over_a_unix_socket) {
  const auto address = parse_server_url("unix:///run/muster");
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->unix_path, "/run/muster");
  EXPECT_EQ(authority_of(*address), "localhost");
  EXPECT_EQ(transport_name(*address), "unix");
}

TEST(ServerUrl, is_refused_with_the_forms_that_there_are) {
  for (const char* url :
       {"", "localhost:8000", "http://", "http://localhost", "http://:80", "http://a:0",
        "http://a:65536", "http://a:8x", "http://a:80/v2", "http://user@a:80", "http://::1:80",
        "http://[::1]", "http://a b:80", "unix:", "ftp://a:1", "HTTP://a:80"}) {
    const auto address = parse_server_url(url);
    EXPECT_EQ(address.status().code(), StatusCode::kInvalidArgument) << url;
    EXPECT_NE(address.status().message().find("unix+grpc:PATH"), std::string::npos) << url;
  }
}

TEST(ServerUrl, tells_the_usual_port_where_there_is_none) {
  EXPECT_NE(parse_server_url("http://a")
                .status()
                .message()
                .find("has no port; Muster's own servers have 8000"),
            std::string::npos);
  EXPECT_NE(parse_server_url("grpc://[::1]/").status().message().find("8001"), std::string::npos);
}

TEST(ServerUrl, says_that_tls_is_not_spoken) {
  for (const char* url : {"https://a:443", "grpcs://a:443"})
    EXPECT_NE(parse_server_url(url).status().message().find("TLS"), std::string::npos) << url;
}

}  // namespace
}  // namespace muster
