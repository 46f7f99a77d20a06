// SPDX-License-Identifier: Apache-2.0
#include "frontend/socket_address.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace muster {
namespace {

std::string temporary_path(std::string_view name) {
  return ::testing::TempDir() + std::string(name) + std::to_string(::getpid());
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

TEST(SocketAddressTest, two_sockets_cannot_have_one_port) {
  const auto first = ListeningSocket::on_address("127.0.0.1", 0);
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_NE(first->port(), 0);
  EXPECT_TRUE(first->is_loopback());
  const Status second = ListeningSocket::on_address("127.0.0.1", first->port()).status();
  EXPECT_EQ(second.code(), StatusCode::kUnavailable);
  EXPECT_EQ(second.message(), "cannot listen on 127.0.0.1:" + std::to_string(first->port()) +
                                  ": bind: Address already in use");
}

TEST(SocketAddressTest, knows_what_is_an_address_and_what_is_loopback) {
  EXPECT_EQ(ListeningSocket::on_address("localhost", 0).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(ListeningSocket::on_address("192.0.2.1", 0).status().code(),
            StatusCode::kInvalidArgument);
  const auto everywhere = ListeningSocket::on_address("0.0.0.0", 0);
  ASSERT_TRUE(everywhere.ok());
  EXPECT_FALSE(everywhere->is_loopback());
  const auto loopback_too = ListeningSocket::on_address("127.8.9.1", 0);
  ASSERT_TRUE(loopback_too.ok());
  EXPECT_TRUE(loopback_too->is_loopback());
}

TEST(SocketAddressTest, a_file_is_for_its_owner_and_goes_with_the_socket) {
  const std::string path = temporary_path("owner");
  {
    auto socket = ListeningSocket::on_path(path);
    ASSERT_TRUE(socket.ok()) << socket.status().to_string();
    struct stat file {};
    ASSERT_EQ(::lstat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777U, 0600U);
    const Status second = ListeningSocket::on_path(path).status();
    EXPECT_EQ(second.code(), StatusCode::kUnavailable) << second.to_string();
    const ListeningSocket moved = std::move(*socket);
    EXPECT_TRUE(exists(path));
  }
  EXPECT_FALSE(exists(path));
}

TEST(SocketAddressTest, a_socket_that_is_closed_leaves_its_path_to_others) {
  const std::string path = temporary_path("closed");
  auto first = ListeningSocket::on_path(path);
  ASSERT_TRUE(first.ok());
  first->close();
  EXPECT_FALSE(exists(path));
  const auto second = ListeningSocket::on_path(path);
  ASSERT_TRUE(second.ok());
  first->close();
  { const ListeningSocket ends = std::move(*first); }
  EXPECT_TRUE(exists(path));
}

TEST(SocketAddressTest, replaces_what_a_dead_server_left_and_nothing_else) {
  const std::string path = temporary_path("stale");
  {
    const Descriptor dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  {
    const auto successor = ListeningSocket::on_path(path);
    ASSERT_TRUE(successor.ok()) << successor.status().to_string();
    ::unlink(path.c_str());
    std::ofstream(path) << "precious";
  }
  EXPECT_TRUE(exists(path)) << "it is not the socket's file any more";
  EXPECT_EQ(ListeningSocket::on_path(path).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(exists(path));
  ::unlink(path.c_str());
}

TEST(SocketAddressTest, a_path_is_as_long_as_the_system_allows) {
  EXPECT_EQ(ListeningSocket::on_path("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(
      ListeningSocket::on_path(std::string(sizeof(sockaddr_un::sun_path), 'x')).status().code(),
      StatusCode::kInvalidArgument);
  EXPECT_EQ(ListeningSocket::on_path(std::string("a\0b", 3)).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(SocketAddressTest, tells_who_is_at_the_other_end) {
  const auto listening = ListeningSocket::on_address("127.0.0.1", 0);
  ASSERT_TRUE(listening.ok());
  const Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listening->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
  EXPECT_EQ(peer_text(client.get()), "127.0.0.1:" + std::to_string(listening->port()));
  EXPECT_EQ(peer_text(listening->descriptor()), "");
}

}  // namespace
}  // namespace muster
