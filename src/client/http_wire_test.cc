// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "client/testing/heard_answers.h"
#include "client/wire.h"

namespace muster {
namespace {

class HttpWireTest : public testing::Test {
 protected:
  // In pieces of that many bytes.
  Status take(std::string_view bytes, std::size_t piece = std::size_t{1} << 20) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
      MUSTER_RETURN_IF_ERROR(wire_->take(bytes.substr(0, piece), out_, heard_));
    return {};
  }
  void ask() { wire_->ask(0, "GET / HTTP/1.1\r\n\r\n", out_); }

  std::unique_ptr<Wire> wire_ = make_http_wire({1024, 100});
  Outbox out_;
  HeardAnswers heard_;
};

constexpr std::string_view kFive = "HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\nX: y\r\n\r\nhello";

TEST_F(HttpWireTest, finds_the_end_of_an_answer_however_it_comes) {
  for (const std::size_t piece : {1U, 2U, 7U, 1000U}) {
    ask();
    ASSERT_TRUE(take(kFive, piece).ok());
    ASSERT_EQ(heard_.all.size(), 1U);
    EXPECT_EQ(heard_.all[0].body, "hello");
    EXPECT_EQ(heard_.all[0].outcome, Outcome::kAnswered);
    EXPECT_EQ(heard_.all[0].code, 200);
    EXPECT_TRUE(wire_->reusable());
    heard_.all.clear();
  }
}

TEST_F(HttpWireTest, tells_how_much_of_the_body_is_json) {
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nInference-Header-Content-Length: ";
  for (const auto& [field, bytes] : {std::pair{"1", 1U}, std::pair{"0", 0U},
                                     std::pair{"99\r\nInference-header-content-length: 99", 99U}}) {
    ask();
    ASSERT_TRUE(take(head + field + "\r\n\r\nok").ok());
    EXPECT_EQ(heard_.all.back().header_bytes, bytes);
  }
  ask();
  ASSERT_TRUE(take(kFive).ok());
  EXPECT_FALSE(heard_.all.back().header_bytes);
  for (const char* field : {"", "x", "-1", "1\r\nInference-Header-Content-Length: 2"}) {
    wire_ = make_http_wire({1024, 100});
    ask();
    EXPECT_FALSE(take(head + field + "\r\n\r\nok").ok()) << field;
  }
}

TEST_F(HttpWireTest, tells_refusals_from_failures) {
  for (const auto& [status, outcome] :
       {std::pair{503, Outcome::kRefused}, std::pair{429, Outcome::kRefused},
        std::pair{500, Outcome::kFailed}, std::pair{404, Outcome::kFailed}}) {
    ask();
    ASSERT_TRUE(
        take("HTTP/1.1 " + std::to_string(status) + " No\r\nContent-Length: 0\r\n\r\n").ok());
    EXPECT_EQ(heard_.all.back().outcome, outcome) << status;
    EXPECT_EQ(heard_.all.back().code, status);
  }
}

TEST_F(HttpWireTest, joins_chunks) {
  for (const std::size_t piece : {1U, 3U, 1000U}) {
    ask();
    ASSERT_TRUE(take("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
                     piece)
                    .ok());
    EXPECT_EQ(heard_.all.back().body, "abc0123456789");
  }
  EXPECT_EQ(heard_.all.size(), 3U);
}

TEST_F(HttpWireTest, passes_over_announcements) {
  ask();
  ASSERT_TRUE(take("HTTP/1.1 100 Continue\r\n\r\n" + std::string(kFive), 5).ok());
  ASSERT_EQ(heard_.all.size(), 1U);
  EXPECT_EQ(heard_.all[0].code, 200);
}

TEST_F(HttpWireTest, notices_that_the_connection_closes_behind_the_answer) {
  ask();
  ASSERT_TRUE(take("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").ok());
  EXPECT_EQ(heard_.all.size(), 1U);
  EXPECT_FALSE(wire_->reusable());
}

TEST_F(HttpWireTest, finds_close_in_a_list_of_words) {
  for (const auto& [fields, closes] :
       {std::pair{"HTTP/1.1 200 OK\r\nConnection: keep-alive", false},
        std::pair{"HTTP/1.1 200 OK\r\nConnection: , Upgrade,", false},
        std::pair{"HTTP/1.1 200 OK\r\nConnection: keep-alive , CLOSE", true},
        std::pair{"HTTP/1.1 200 OK\r\nConnection: close, keep-alive", true},
        std::pair{"HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive", true},
        std::pair{"HTTP/1.1 200 OK\r\nConnection: closed", false},
        std::pair{"HTTP/1.0 200 OK", true}, std::pair{"HTTP/1.0 200 OK\r\nConnection: TE", true},
        std::pair{"HTTP/1.0 200 OK\r\nConnection: Keep-Alive", false},
        std::pair{"HTTP/1.0 200 OK\r\nConnection: keep-alive, close", true}}) {
    wire_ = make_http_wire();
    ask();
    ASSERT_TRUE(take(std::string(fields) + "\r\nContent-Length: 2\r\n\r\nok").ok()) << fields;
    EXPECT_EQ(wire_->reusable(), !closes) << fields;
  }
}

TEST_F(HttpWireTest, knows_answers_that_have_no_body) {
  for (const char* const head :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 17\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    heard_.all.clear();
    ask();
    ASSERT_TRUE(take(head).ok()) << head;
    ASSERT_EQ(heard_.all.size(), 1U) << head;
    EXPECT_EQ(heard_.all[0].body, "") << head;
    EXPECT_TRUE(wire_->reusable()) << head;
  }
}

TEST_F(HttpWireTest, takes_a_body_that_ends_with_the_connection) {
  ask();
  ASSERT_TRUE(take("HTTP/1.1 200 OK\r\n\r\nwhat").ok());
  EXPECT_TRUE(heard_.all.empty());
  ASSERT_TRUE(take(" comes").ok());
  ASSERT_TRUE(wire_->end(heard_).ok());
  ASSERT_EQ(heard_.all.size(), 1U);
  EXPECT_EQ(heard_.all[0].body, "what comes");
}

TEST_F(HttpWireTest, says_that_an_answer_is_missing_or_cut) {
  EXPECT_TRUE(wire_->end(heard_).ok());
  ask();
  EXPECT_EQ(wire_->end(heard_).code(), StatusCode::kUnavailable);
  ASSERT_TRUE(take("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel").ok());
  EXPECT_EQ(wire_->end(heard_).code(), StatusCode::kUnavailable);
  EXPECT_TRUE(heard_.all.empty());
}

TEST_F(HttpWireTest, refuses_what_is_no_answer) {
  for (const std::string& bytes :
       {std::string("SSH-2.0-x\r\n"), std::string("HTTP/1.1 2x0 OK\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        // Over the limits.
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"),
        "HTTP/1.1 200 OK\r\n\r\n" + std::string(101, 'x'),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x'),
        "HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x')}) {
    wire_ = make_http_wire({1024, 100});
    ask();
    EXPECT_FALSE(take(bytes).ok()) << bytes;
    EXPECT_TRUE(heard_.all.empty()) << bytes;
  }
}

TEST_F(HttpWireTest, says_what_to_do_where_the_server_speaks_http2) {
  ask();
  const Status status = take(std::string_view("\0\0\x12\4\0", 5));
  EXPECT_NE(status.message().find("grpc://"), std::string::npos);
}

TEST_F(HttpWireTest, refuses_an_answer_without_a_question) {
  EXPECT_FALSE(take(kFive).ok());
}

}  // namespace
}  // namespace muster
