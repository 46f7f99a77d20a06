// SPDX-License-Identifier: Apache-2.0
#include "app/explain/http_get.h"

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace muster {
namespace {

using std::chrono::seconds;

// Answers one connection with what it was given, whatever it is asked, and closes.
class OneReply {
 public:
  explicit OneReply(std::string reply) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ::ntohs(address.sin_port);
    thread_ = std::thread([this, reply = std::move(reply)] {
      const int peer = ::accept(listener_, nullptr, nullptr);
      while (asked_.find("\r\n\r\n") == std::string::npos) {
        char part[1024];
        const ssize_t got = ::recv(peer, part, sizeof(part), 0);
        if (got <= 0) break;
        asked_.append(part, static_cast<std::size_t>(got));
      }
      EXPECT_EQ(::send(peer, reply.data(), reply.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(reply.size()));
      ::close(peer);
    });
  }
  ~OneReply() {
    thread_.join();
    ::close(listener_);
  }

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // After the reply.
  [[nodiscard]] const std::string& asked() const { return asked_; }

 private:
  int listener_;
  int port_ = 0;
  std::string asked_;
  std::thread thread_;
};

TEST(HttpGet, gives_the_body) {
  const OneReply server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  const auto body = http_get(server.url() + "/", "/v2", "secret", seconds(10));
  ASSERT_TRUE(body.ok()) << body.status().to_string();
  EXPECT_EQ(*body, "{}");
  EXPECT_NE(server.asked().find("GET /v2 HTTP/1.1\r\n"), std::string::npos);
  EXPECT_NE(server.asked().find("Authorization: Bearer secret\r\n"), std::string::npos);
}

TEST(HttpGet, tells_what_the_server_says) {
  const OneReply server("HTTP/1.1 404 Not Found\r\n\r\n{\"error\":\"no such model\"}");
  const auto body = http_get(server.url(), "/v2", "", seconds(10));
  EXPECT_EQ(body.status().message(),
            server.url() + "/v2: the server says 404: {\"error\":\"no such model\"}");
}

TEST(HttpGet, notices_what_is_no_http) {
  const OneReply server("hello\r\n\r\n");
  EXPECT_EQ(http_get(server.url(), "/", "", seconds(10)).status().code(), StatusCode::kUnavailable);
}

TEST(HttpGet, refuses_what_is_no_url_of_a_server) {
  for (const char* url : {"", "127.0.0.1:8000", "https://a", "http://", "http://:80", "http://a:0",
                          "http://a:b", "http://a:65536", "http://a/b", "http://[::1", "http://a b",
                          "http://user@a", "http://a\r\nX: y"}) {
    EXPECT_EQ(http_get(url, "/", "", seconds(1)).status().code(), StatusCode::kInvalidArgument)
        << url;
  }
}

}  // namespace
}  // namespace muster
