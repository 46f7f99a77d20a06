// SPDX-License-Identifier: Apache-2.0
#include "client/outbox.h"

#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "client/testing/socket_pair.h"

namespace muster {
namespace {

class OutboxTest : public testing::Test {
 protected:
  SocketPair sockets_;
  Outbox out_;
};

TEST_F(OutboxTest, sends_short_and_long_pieces_in_order) {
  const std::string long_piece(100000, 'x');
  std::string expected;
  for (int round = 0; round < 100; ++round) {
    out_.append("head");
    out_.refer("short");
    expected += "headshort";
  }
  out_.refer(long_piece);
  out_.append("tail");
  expected += long_piece + "tail";
  std::string text;
  while (!out_.empty()) {
    ASSERT_TRUE(out_.send_to(sockets_.near.get()).ok());
    text += sockets_.received();
  }
  EXPECT_EQ(text, expected);
}

TEST_F(OutboxTest, keeps_what_the_socket_does_not_take) {
  const std::string much(std::size_t{8} << 20, 'y');
  out_.refer(much);
  ASSERT_TRUE(out_.send_to(sockets_.near.get()).ok());
  EXPECT_FALSE(out_.empty());
  std::string text;
  while (text.size() < much.size()) {
    text += sockets_.received();
    ASSERT_TRUE(out_.send_to(sockets_.near.get()).ok());
  }
  EXPECT_TRUE(out_.empty());
  EXPECT_EQ(text, much);
}

TEST_F(OutboxTest, forgets_what_is_sent_while_there_is_always_more) {
  const std::string long_piece(10000, 'z');
  std::string expected;
  const auto put = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const std::string head = "head " + std::to_string(expected.size()) + ";";
      out_.append(head);
      out_.refer(long_piece);
      expected += head + long_piece;
    }
  };
  put(1000);
  std::string text;
  for (int round = 0; round < 1000; ++round) {
    put(10);
    ASSERT_TRUE(out_.send_to(sockets_.near.get()).ok());
    ASSERT_FALSE(out_.empty());
    std::string some(100000, '\0');
    const ssize_t got = ::recv(sockets_.far.get(), some.data(), some.size(), MSG_DONTWAIT);
    ASSERT_GT(got, 0);
    text.append(some, 0, static_cast<std::size_t>(got));
  }
  while (!out_.empty()) {
    text += sockets_.received();
    ASSERT_TRUE(out_.send_to(sockets_.near.get()).ok());
  }
  text += sockets_.received();
  EXPECT_TRUE(text == expected) << text.size() << " bytes of " << expected.size();
}

TEST_F(OutboxTest, tells_how_much_came_and_went) {
  const std::string long_piece(std::size_t{8} << 20, 'x');
  out_.append("head");
  out_.refer(long_piece);
  EXPECT_EQ(out_.bytes_in(), long_piece.size() + 4);
  EXPECT_EQ(out_.bytes_out(), 0U);
  ASSERT_TRUE(out_.send_to(sockets_.near.get()).ok());
  EXPECT_EQ(out_.bytes_out(), sockets_.received().size());
  EXPECT_LT(out_.bytes_out(), out_.bytes_in());
  out_.clear();
  EXPECT_EQ(out_.bytes_out(), out_.bytes_in());
}

TEST_F(OutboxTest, says_that_a_connection_is_broken) {
  sockets_.far.close();
  out_.append("anybody?");
  EXPECT_EQ(out_.send_to(sockets_.near.get()).code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace muster
