// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/request_reader.h"

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

constexpr ReaderLimits kLimits{1024, 4096, 8192};

struct ReadRequest {
  RequestHead head;
  std::string body;
};

// Reads all of `bytes`, received in pieces of at most `piece`.
class Reading {
 public:
  Reading(std::string_view bytes, std::size_t piece, const ReaderLimits& limits = kLimits)
      : reader_(limits) {
    while (true) {
      const auto step = reader_.step();
      if (step == RequestReader::Step::kNeedBytes) {
        if (bytes.empty()) return;
        const std::size_t count = std::min({piece, bytes.size(), reader_.space().size()});
        std::memcpy(reader_.space().data(), bytes.data(), count);
        bytes.remove_prefix(count);
        reader_.commit(count);
      } else if (step == RequestReader::Step::kHead) {
        requests_.push_back({reader_.head(), ""});
        reader_.keep_body(std::move(spare_));
      } else if (step == RequestReader::Step::kRequest) {
        spare_ = reader_.take_body();
        requests_.back().body = spare_->text();
        ++complete_;
      } else {
        refusal_ = reader_.refusal();
        return;
      }
    }
  }

  [[nodiscard]] const std::vector<ReadRequest>& requests() const { return requests_; }
  [[nodiscard]] std::size_t complete() const { return complete_; }
  [[nodiscard]] int refusal() const { return refusal_.status; }
  [[nodiscard]] const std::string& why() const { return refusal_.message; }

 private:
  RequestReader reader_;
  std::shared_ptr<RequestBody> spare_;  // the last one, used again
  std::vector<ReadRequest> requests_;
  std::size_t complete_ = 0;
  Refusal refusal_;
};

std::string post(std::string_view headers, std::string_view body = "") {
  return "POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n" +
         std::string(body);
}

int refusal_of_head(std::string_view headers) {
  return Reading(post(headers), 1'000'000).refusal();
}

TEST(RequestReaderTest, keeps_what_is_asked_for) {
  const Reading reading(
      post("content-length: 5\r\nAUTHORIZATION: bearer  t0ken \r\nContent-Type: a/b\r\n"
           "Inference-Header-Content-Length: 3\r\nAccept-Encoding: gzip\r\nX-Request-Id: id\r\n"
           "X-Other: y\r\n",
           "hello"),
      1'000'000);
  ASSERT_EQ(reading.complete(), 1U) << reading.why();
  const RequestHead& head = reading.requests()[0].head;
  EXPECT_EQ(head.method, Method::kPost);
  EXPECT_EQ(head.target, "/v2/models/m/infer");
  EXPECT_EQ(head.content_length, 5U);
  EXPECT_EQ(head.bearer_token, "t0ken");
  EXPECT_EQ(head.content_type, "a/b");
  EXPECT_EQ(head.json_length, 3U);
  EXPECT_EQ(head.reply_coding, Coding::kGzip);
  EXPECT_EQ(head.request_id, "id");
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(reading.requests()[0].body, "hello");
}

TEST(RequestReaderTest, reads_pipelined_requests_in_pieces_of_any_size) {
  const std::string large(3000, 'z');
  const std::string stream = "\r\n" + post("Content-Length: 3\r\n", "one") + post("") +
                             post("Transfer-Encoding: chunked\r\n",
                                  "3;x=\"y\"\r\ntwo\r\n2\r\n!!\r\n0\r\nTrailer: t\r\n\r\n") +
                             post("Content-Length: 3000\r\n", large) +
                             "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  for (const std::size_t piece : {1U, 2U, 7U, 100U, 100'000U}) {
    const Reading reading(stream, piece);
    ASSERT_EQ(reading.complete(), 5U) << piece << " " << reading.why();
    EXPECT_EQ(reading.requests()[0].body, "one");
    EXPECT_EQ(reading.requests()[1].body, "");
    EXPECT_EQ(reading.requests()[2].body, "two!!");
    EXPECT_EQ(reading.requests()[3].body, large);
    EXPECT_TRUE(reading.requests()[4].head.is_http_1_0);
    EXPECT_TRUE(reading.requests()[4].head.keep_alive);
  }
}

// A body that comes with its head becomes the buffer that both came in, while the next request is
// read into another.
TEST(RequestReaderTest, keeps_bodies_apart_that_came_whole) {
  const ReaderLimits limits{8192, 4096, 8192};
  RequestReader reader(limits);
  std::vector<std::shared_ptr<RequestBody>> bodies;
  const auto read = [&](const std::string& bytes, std::shared_ptr<RequestBody> spare) {
    ASSERT_EQ(reader.step(), RequestReader::Step::kNeedBytes);
    ASSERT_GE(reader.space().size(), bytes.size());
    std::memcpy(reader.space().data(), bytes.data(), bytes.size());
    reader.commit(bytes.size());
    while (reader.step() == RequestReader::Step::kHead)
      reader.keep_body(std::move(spare));
    bodies.push_back(reader.take_body());
    EXPECT_EQ(reader.body_bytes(), bodies.back()->size());
  };
  const auto body_of = [](char letter) { return std::string(3000, letter); };
  for (const char letter : {'a', 'b', 'c'})
    read(post("Content-Length: 3000\r\n", body_of(letter)), nullptr);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(bodies[i]->text(), body_of(static_cast<char>('a' + i)));

  const std::byte* const spare = bodies[0]->bytes().data();
  read(post("Content-Length: 3000\r\n", body_of('d')), std::move(bodies[0]));
  read(post("Content-Length: 3000\r\n", body_of('e')), nullptr);
  EXPECT_EQ(bodies[3]->text(), body_of('d'));
  EXPECT_EQ(bodies[4]->text(), body_of('e'));
  EXPECT_EQ(bodies[4]->bytes().data(), spare) << "the memory of the spare body is not used again";
  EXPECT_EQ(bodies[1]->text(), body_of('b'));
}

TEST(RequestReaderTest, reads_heads_that_repeat_as_it_read_the_first) {
  const std::string ask = post(
      "Content-Length: 3\r\nContent-Type: a/b\r\nInference-Header-Content-Length: 1\r\n"
      "Authorization: Bearer t0ken\r\nX-Request-Id: id\r\n",
      "one");
  const std::string other = post("Content-Length: 5\r\nX-Request-Id: it\r\n", "other");
  const std::string long_head = post("X-Long: " + std::string(2000, 'x') + "\r\n");
  const std::string stream =
      ask + ask + "\r\n" + ask + other + ask + ask + long_head + long_head + ask;
  const ReaderLimits limits{4096, 4096, 8192};
  for (const std::size_t piece : {1U, 50U, 100'000U}) {
    const Reading reading(stream, piece, limits);
    ASSERT_EQ(reading.complete(), 9U) << reading.why();
    for (const std::size_t index : {0U, 1U, 2U, 4U, 5U, 8U}) {
      const RequestHead& head = reading.requests()[index].head;
      EXPECT_EQ(head.method, Method::kPost);
      EXPECT_EQ(head.target, "/v2/models/m/infer");
      EXPECT_EQ(head.content_type, "a/b");
      EXPECT_EQ(head.json_length, 1U);
      EXPECT_EQ(head.bearer_token, "t0ken");
      EXPECT_EQ(head.request_id, "id");
      EXPECT_EQ(reading.requests()[index].body, "one");
    }
    EXPECT_EQ(reading.requests()[3].head.request_id, "it");
    EXPECT_EQ(reading.requests()[3].head.bearer_token, "");
    EXPECT_EQ(reading.requests()[3].body, "other");
    EXPECT_EQ(reading.requests()[7].head.content_length, 0U);
  }
}

TEST(RequestReaderTest, decompresses_while_it_reads) {
  const std::string text(5000, 'q');
  const std::span<const std::byte> part = std::as_bytes(std::span(text));
  const std::string coded = compress(Coding::kGzip, std::span(&part, 1)).value();
  const std::string plain = post(
      "Content-Encoding: gzip\r\nContent-Length: " + std::to_string(coded.size()) + "\r\n", coded);
  char size[16];
  std::snprintf(size, sizeof(size), "%zx\r\n", coded.size());
  const std::string chunked = post("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                                   size + coded + "\r\n0\r\n\r\n");
  for (const std::string& stream : {plain, chunked}) {
    for (const std::size_t piece : {1U, 10'000U}) {
      const Reading reading(stream + post(""), piece);
      ASSERT_EQ(reading.complete(), 2U) << reading.why();
      EXPECT_EQ(reading.requests()[0].body, text);
    }
  }
}

TEST(RequestReaderTest, knows_when_a_connection_ends_after_its_request) {
  EXPECT_FALSE(Reading(post("Connection: close\r\n"), 99).requests()[0].head.keep_alive);
  EXPECT_FALSE(Reading("GET / HTTP/1.0\r\n\r\n", 99).requests()[0].head.keep_alive);
}

TEST(RequestReaderTest, refuses_what_two_readers_could_understand_differently) {
  EXPECT_EQ(refusal_of_head("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Content-Length: 3\r\nContent-Length: 3\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Content-Length: 3, 3\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Content-Length: +3\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Content-Length: -3\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Content-Length: 0x3\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Content-Length: 3 3\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Content-Length:\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Content-Length: 99999999999999999999999\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(refusal_of_head("Transfer-Encoding: gzip, chunked\r\n"), 501);
  EXPECT_EQ(refusal_of_head("Transfer-Encoding: identity\r\n"), 501);
  EXPECT_EQ(refusal_of_head("Transfer-Encoding: xchunked\r\n"), 501);
  EXPECT_EQ(refusal_of_head("X: a\r\n b\r\n"), 400);
  EXPECT_EQ(refusal_of_head("X: a\n"), 400);
  EXPECT_EQ(refusal_of_head("X: a\rb\r\n"), 400);
  EXPECT_EQ(refusal_of_head("X : a\r\n"), 400);
  EXPECT_EQ(refusal_of_head(std::string_view("X: a\0b\r\n", 8)), 400);
  EXPECT_EQ(refusal_of_head("Host: another\r\n"), 400);
  EXPECT_EQ(refusal_of_head("no colon\r\n"), 400);
  EXPECT_EQ(refusal_of_head(": no name\r\n"), 400);
  EXPECT_EQ(Reading("GET / HTTP/1.1\r\n\r\n", 99).refusal(), 400);  // no Host
  EXPECT_EQ(Reading("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 99).refusal(), 400);
}

TEST(RequestReaderTest, refuses_what_is_no_http) {
  for (const std::string_view bytes :
       {"\n\n", "GET /\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "\x16\x03\x01\n",
        "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", " GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n"}) {
    for (const std::size_t piece : {1U, 99U}) {
      const int status = Reading(bytes, piece).refusal();
      EXPECT_TRUE(status == 400 || status == 505) << bytes;
    }
  }
  EXPECT_EQ(Reading("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 99).refusal(), 505);
}

TEST(RequestReaderTest, refuses_headers_that_it_cannot_honour) {
  EXPECT_EQ(refusal_of_head("Content-Encoding: br\r\n"), 501);
  EXPECT_EQ(refusal_of_head("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n"), 501);
  EXPECT_EQ(refusal_of_head("Expect: 200-ok\r\n"), 417);
  for (const std::string_view bad : {"-1", "x", "1x", "", "1.5", "99999999999999999999"}) {
    EXPECT_EQ(refusal_of_head("Inference-Header-Content-Length: " + std::string(bad) + "\r\n"), 400)
        << bad;
  }
}

TEST(RequestReaderTest, holds_its_limits) {
  EXPECT_EQ(refusal_of_head("X: " + std::string(1100, 'x') + "\r\n"), 431);
  EXPECT_EQ(Reading(std::string(2000, 'x'), 1).refusal(), 431);
  EXPECT_EQ(refusal_of_head("Content-Length: 4097\r\n"), 413);
  EXPECT_EQ(Reading(post("Transfer-Encoding: chunked\r\n", "1001\r\n"), 99).refusal(), 413);
  EXPECT_EQ(Reading(post("Transfer-Encoding: chunked\r\n",
                         "fff\r\n" + std::string(4095, 'x') + "\r\n2\r\n"),
                    99)
                .refusal(),
            413);
  EXPECT_EQ(
      Reading(post("Transfer-Encoding: chunked\r\n", "1;" + std::string(9000, 'x')), 99).refusal(),
      400);
}

TEST(RequestReaderTest, refuses_broken_chunks) {
  for (const std::string_view body :
       {"x\r\n", "-1\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3 \r\nabc\r\n", "3\nabc\n0\n\n",
        "ffffffffffffffffff\r\n", "0\r\na: b\n\r\n", "0\n\r\n", ";\r\n"}) {
    for (const std::size_t piece : {1U, 99U}) {
      const Reading reading(post("Transfer-Encoding: chunked\r\n", body), piece);
      EXPECT_EQ(reading.complete(), 0U) << body;
      EXPECT_TRUE(reading.refusal() == 400 || reading.refusal() == 413) << body;
    }
  }
}

TEST(RequestReaderTest, trailers_change_nothing) {
  const Reading reading(post("Transfer-Encoding: chunked\r\n",
                             "0\r\nAuthorization: Bearer x\r\nHost: y\r\nHost: z\r\n\r\n"),
                        99);
  ASSERT_EQ(reading.complete(), 1U) << reading.why();
  EXPECT_EQ(reading.requests()[0].head.bearer_token, "");
}

}  // namespace
}  // namespace muster
