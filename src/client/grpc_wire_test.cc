// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "client/frames.h"
#include "client/testing/heard_answers.h"
#include "client/testing/socket_pair.h"
#include "client/wire.h"

namespace muster {
namespace {

struct Frame {
  FrameType type;
  int flags;
  std::uint32_t stream;
  std::string payload;
};

std::string frame(FrameType type, int flags, std::uint32_t stream, std::string_view payload) {
  std::string text;
  append_frame_head(text, payload.size(), type, static_cast<std::uint8_t>(flags), stream);
  return text + std::string(payload);
}

std::string number(std::uint32_t value, int bytes) {
  std::string text;
  append_number(text, value, bytes);
  return text;
}

std::string setting(std::uint32_t name, std::uint32_t value) {
  return number(name, 2) + number(value, 4);
}

std::string field(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + std::string(name) +
         static_cast<char>(value.size()) + std::string(value);
}

std::string message(std::string_view body) {
  return std::string(1, '\0') + number(static_cast<std::uint32_t>(body.size()), 4) +
         std::string(body);
}

// What a server sends for a call: headers, a message, and trailers.
std::string answer(std::uint32_t stream, std::string_view body) {
  return frame(FrameType::kHeaders, kEndHeaders, stream, "\x88") +
         frame(FrameType::kData, 0, stream, message(body)) +
         frame(FrameType::kHeaders, kEndHeaders | kEndStream, stream, field("grpc-status", "0"));
}

std::string refusal(std::uint32_t stream, std::string_view code, std::string_view words) {
  return frame(FrameType::kHeaders, kEndHeaders | kEndStream, stream,
               "\x88" + field("grpc-status", code) + field("grpc-message", words));
}

class GrpcWireTest : public testing::Test {
 protected:
  GrpcWireTest() { make(4); }
  void make(int streams, std::string token = "") {
    wire_ = make_grpc_wire({"host:1", "/s/m", std::move(token), streams}, {1024, 100000});
    heard_.all.clear();
    out_.clear();
    wire_->greet(out_);
    const std::string text = sent();
    const std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    ASSERT_TRUE(text.starts_with(preface));
    EXPECT_EQ(frames(text.substr(preface.size()))[0].type, FrameType::kSettings);
  }
  void greet(const std::string& settings = "") {
    ASSERT_TRUE(take(frame(FrameType::kSettings, 0, 0, settings)).ok());
    EXPECT_EQ(frames(sent())[0].flags, kAck);
  }
  Status take(std::string_view bytes, std::size_t piece = std::size_t{1} << 20) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
      MUSTER_RETURN_IF_ERROR(wire_->take(bytes.substr(0, piece), out_, heard_));
    return {};
  }
  std::string sent() {
    std::string text;
    do {
      EXPECT_TRUE(out_.send_to(sockets_.near.get()).ok());
      text += sockets_.received();
    } while (!out_.empty());
    return text;
  }
  static std::vector<Frame> frames(std::string_view text) {
    std::vector<Frame> all;
    while (text.size() >= kFrameHeadBytes) {
      const std::size_t size = number_at(text, 0, 3);
      all.push_back({static_cast<FrameType>(text[3]), static_cast<std::uint8_t>(text[4]),
                     number_at(text, 5, 4), std::string(text.substr(kFrameHeadBytes, size))});
      text.remove_prefix(kFrameHeadBytes + size);
    }
    EXPECT_TRUE(text.empty());
    return all;
  }
  // The payloads of DATA for that stream, together.
  static std::string data_of(const std::vector<Frame>& all, std::uint32_t stream) {
    std::string text;
    for (const Frame& each : all) {
      if (each.type == FrameType::kData && each.stream == stream) text += each.payload;
    }
    return text;
  }

  std::unique_ptr<Wire> wire_;
  Outbox out_;
  HeardAnswers heard_;
  SocketPair sockets_;
};

TEST_F(GrpcWireTest, asks_and_hears_the_answer_however_it_comes) {
  for (const std::size_t piece : {1U, 5U, 1000U}) {
    make(1);
    greet();
    for (std::uint32_t stream = 1; stream < 9; stream += 2) {
      wire_->ask(0, "question", out_);
      const auto asked = frames(sent());
      ASSERT_EQ(asked.size(), 2U);
      EXPECT_EQ(asked[0].type, FrameType::kHeaders);
      EXPECT_EQ(asked[0].stream, stream);
      EXPECT_EQ(asked[1].payload, message("question"));
      EXPECT_EQ(asked[1].flags, kEndStream);
      ASSERT_TRUE(take(answer(stream, "yes"), piece).ok());
    }
    ASSERT_EQ(heard_.all.size(), 4U);
    for (const auto& heard : heard_.all) {
      EXPECT_EQ(heard.outcome, Outcome::kAnswered);
      EXPECT_EQ(heard.body, "yes");
    }
  }
}

TEST_F(GrpcWireTest, sends_its_headers_by_number_from_the_second_request_on) {
  greet();
  wire_->ask(0, "a", out_);
  wire_->ask(1, "b", out_);
  const auto asked = frames(sent());
  EXPECT_NE(asked[0].payload.find("/s/m"), std::string::npos);
  EXPECT_EQ(asked[2].payload, "\x83\x86\xc2\xc1\xc0\xbf\xbe");
}

TEST_F(GrpcWireTest, uses_no_table_where_the_server_keeps_none) {
  greet(setting(1, 0));
  for (int slot = 0; slot < 2; ++slot)
    wire_->ask(slot, "a", out_);
  const auto asked = frames(sent());
  EXPECT_EQ(asked[0].payload, "\x20" + asked[2].payload);
  EXPECT_NE(asked[2].payload.find("/s/m"), std::string::npos);
}

TEST_F(GrpcWireTest, tells_the_token_in_every_request_and_keeps_it_out_of_tables) {
  const std::string token(200, 't');
  make(2, token);
  greet();
  for (int slot = 0; slot < 2; ++slot)
    wire_->ask(slot, "a", out_);
  const auto asked = frames(sent());
  // 207 bytes: 127 and 80 more.
  const std::string expected = std::string("\x1f\x08\x7f\x50", 4) + "Bearer " + token;
  EXPECT_TRUE(asked[0].payload.ends_with(expected));
  EXPECT_TRUE(asked[2].payload.ends_with(expected));
}

TEST_F(GrpcWireTest, sends_a_large_message_as_far_as_the_windows_go) {
  const std::string request(200000, 'r');
  greet();
  wire_->ask(0, request, out_);
  std::string data = data_of(frames(sent()), 1);
  EXPECT_EQ(data.size(), 65535U);
  // Of the connection alone: the stream's is used up, too.
  ASSERT_TRUE(take(frame(FrameType::kWindowUpdate, 0, 0, number(1000000, 4))).ok());
  EXPECT_EQ(sent(), "");
  ASSERT_TRUE(take(frame(FrameType::kSettings, 0, 0, setting(4, 100000))).ok());
  data += data_of(frames(sent()), 1);
  EXPECT_EQ(data.size(), 100000U);
  ASSERT_TRUE(take(frame(FrameType::kWindowUpdate, 0, 1, number(1000000, 4))).ok());
  const auto last = frames(sent());
  data += data_of(last, 1);
  EXPECT_EQ(data, message(request));
  EXPECT_EQ(last.back().flags, kEndStream);
  for (const Frame& each : last)
    EXPECT_LE(each.payload.size(), kFirstFrameBytes);
}

TEST_F(GrpcWireTest, waits_where_the_server_takes_fewer_streams) {
  greet(setting(3, 1));
  wire_->ask(0, "a", out_);
  wire_->ask(1, "b", out_);
  EXPECT_EQ(frames(sent()).size(), 2U);
  ASSERT_TRUE(take(answer(1, "A")).ok());
  EXPECT_EQ(data_of(frames(sent()), 3), message("b"));
  ASSERT_TRUE(take(answer(3, "B")).ok());
  EXPECT_EQ(heard_.all.back().slot, 1);
}

TEST_F(GrpcWireTest, tells_refusals_from_failures) {
  greet();
  for (int slot = 0; slot < 4; ++slot)
    wire_->ask(slot, "a", out_);
  ASSERT_TRUE(take(refusal(1, "14", "full") + refusal(3, "8", "quota") +
                   refusal(5, "3", "bad%20input") +
                   frame(FrameType::kHeaders, kEndHeaders | kEndStream, 7, "\x8d"))
                  .ok());
  ASSERT_EQ(heard_.all.size(), 4U);
  EXPECT_EQ(heard_.all[0].outcome, Outcome::kRefused);
  EXPECT_EQ(heard_.all[1].outcome, Outcome::kRefused);
  EXPECT_EQ(heard_.all[2].outcome, Outcome::kFailed);
  EXPECT_EQ(heard_.all[2].body, "bad input");
  EXPECT_EQ(heard_.all[2].code, 3);
  EXPECT_EQ(heard_.all[3].body, "the server answers without gRPC's status, HTTP status 404");
}

TEST_F(GrpcWireTest, takes_padding_priority_and_continued_headers) {
  greet();
  wire_->ask(0, "a", out_);
  const std::string trailers = field("grpc-status", "0");
  ASSERT_TRUE(
      take(frame(FrameType::kHeaders, kEndHeaders | kPadded | kPriority, 1,
                 std::string("\2\0\0\0\0\1\x88\0\0", 9)) +
           frame(FrameType::kData, kPadded, 1, "\3" + message("yes") + std::string(3, '\0')) +
           frame(FrameType::kHeaders, kEndStream, 1, trailers.substr(0, 4)) +
           frame(FrameType::kContinuation, kEndHeaders, 1, trailers.substr(4)))
          .ok());
  ASSERT_EQ(heard_.all.size(), 1U);
  EXPECT_EQ(heard_.all[0].body, "yes");
}

TEST_F(GrpcWireTest, answers_pings_and_passes_over_the_unknown) {
  greet();
  ASSERT_TRUE(take(frame(FrameType::kPing, 0, 0, "12345678") +
                   frame(static_cast<FrameType>(99), 0, 0, "what"))
                  .ok());
  const auto back = frames(sent());
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].flags, kAck);
  EXPECT_EQ(back[0].payload, "12345678");
}

TEST_F(GrpcWireTest, ends_with_what_was_taken_before_a_farewell) {
  greet(setting(3, 2));
  for (int slot = 0; slot < 3; ++slot)
    wire_->ask(slot, "a", out_);
  ASSERT_TRUE(take(frame(FrameType::kGoAway, 0, 0, number(1, 4) + number(0, 4) + "bye")).ok());
  EXPECT_FALSE(wire_->reusable());
  // The second was not taken any more, and the third never left.
  ASSERT_EQ(heard_.all.size(), 2U);
  EXPECT_EQ(heard_.all[0].outcome, Outcome::kRefused);
  EXPECT_NE(heard_.all[0].body.find("bye"), std::string::npos);
  ASSERT_TRUE(take(answer(1, "yes")).ok());
  EXPECT_EQ(heard_.all[2].outcome, Outcome::kAnswered);
}

TEST_F(GrpcWireTest, hears_that_a_stream_was_reset) {
  greet();
  wire_->ask(0, "a", out_);
  wire_->ask(1, "b", out_);
  ASSERT_TRUE(take(frame(FrameType::kResetStream, 0, 1, number(7, 4)) +
                   frame(FrameType::kResetStream, 0, 3, number(2, 4)))
                  .ok());
  EXPECT_EQ(heard_.all[0].outcome, Outcome::kRefused);
  EXPECT_EQ(heard_.all[1].outcome, Outcome::kFailed);
  // What still comes for them is nobody's.
  EXPECT_TRUE(take(frame(FrameType::kData, 0, 1, "late")).ok());
}

TEST_F(GrpcWireTest, refuses_an_answer_that_is_no_single_message) {
  greet();
  for (int slot = 0; slot < 3; ++slot)
    wire_->ask(slot, "a", out_);
  const std::string trailers = field("grpc-status", "0");
  ASSERT_TRUE(take(frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1, trailers) +
                   frame(FrameType::kData, 0, 3, message("a") + message("b")) +
                   frame(FrameType::kHeaders, kEndHeaders | kEndStream, 3, trailers) +
                   frame(FrameType::kData, 0, 5, "\1" + message("zip").substr(1)) +
                   frame(FrameType::kHeaders, kEndHeaders | kEndStream, 5, trailers))
                  .ok());
  ASSERT_EQ(heard_.all.size(), 3U);
  for (const auto& heard : heard_.all)
    EXPECT_EQ(heard.outcome, Outcome::kFailed);
}

TEST_F(GrpcWireTest, ends_the_connection_where_the_server_breaks_the_protocol) {
  const std::string head = frame(FrameType::kHeaders, kEndHeaders, 1, "\x88");
  std::string too_much = head;
  for (int i = 0; i < 8; ++i)
    too_much += frame(FrameType::kData, 0, 1, std::string(16000, 'x'));
  for (const std::string& bytes :
       {frame(FrameType::kData, 0, 9, "x"),
        frame(FrameType::kData, 0, 0, "x"),
        frame(FrameType::kData, kPadded, 1, "\7x"),
        frame(FrameType::kData, kPadded, 1, ""),
        frame(FrameType::kHeaders, kEndHeaders, 1, "\x80"),
        frame(FrameType::kHeaders, kEndHeaders | kPriority, 1, "abc"),
        frame(FrameType::kHeaders, 0, 1, "\x88") + frame(FrameType::kPing, 0, 0, "12345678"),
        frame(FrameType::kHeaders, 0, 1, std::string(2000, '\x88')),
        frame(FrameType::kContinuation, kEndHeaders, 1, "\x88"),
        frame(FrameType::kSettings, 0, 0, "12345"),
        frame(FrameType::kPing, 0, 0, "1"),
        frame(FrameType::kSettings, 0, 0, setting(4, 0xffffffff)),
        frame(FrameType::kSettings, 0, 0, setting(5, 1)),
        frame(FrameType::kGoAway, 0, 0, "1"),
        frame(FrameType::kWindowUpdate, 0, 0, "1"),
        frame(FrameType::kResetStream, 0, 1, "1"),
        frame(FrameType::kWindowUpdate, 0, 0, number(0x7fffffff, 4)),
        frame(FrameType::kPushPromise, 0, 1, "x"),
        std::string("\xff\xff\xff\0\0\0\0\0\1", 9),
        too_much}) {
    make(1);
    greet();
    wire_->ask(0, "a", out_);
    (void)sent();
    EXPECT_FALSE(take(bytes).ok()) << testing::PrintToString(bytes.substr(0, 40));
    out_.clear();
  }
}

TEST_F(GrpcWireTest, says_what_to_do_where_the_server_speaks_http1) {
  wire_->ask(0, "a", out_);
  const Status status = take("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_NE(status.message().find("http://"), std::string::npos);
  make(1);
  wire_->ask(0, "a", out_);
  EXPECT_NE(wire_->end(heard_).message().find("http://"), std::string::npos);
}

TEST_F(GrpcWireTest, acknowledges_no_more_than_the_server_takes) {
  std::string pings;
  for (int i = 0; i < 40000; ++i)
    pings += frame(FrameType::kPing, 0, 0, "12345678");
  // A server that reads may ask as often as it likes...
  greet();
  for (int round = 0; round < 4; ++round) {
    ASSERT_TRUE(take(pings).ok()) << round;
    EXPECT_EQ(frames(sent()).size(), 40000U);
  }
  // ...also behind a request.
  const std::string request(50000, 'x');
  wire_->ask(0, request, out_);
  ASSERT_TRUE(take(pings).ok());
  EXPECT_EQ(frames(sent()).back().type, FrameType::kPing);
  // One that does not is left.
  ASSERT_TRUE(take(pings).ok());
  const Status status = take(pings);
  EXPECT_NE(status.message().find("asks for more acknowledgements than it takes"),
            std::string::npos)
      << status.to_string();
  out_.clear();
  make(1);
  std::string settings;
  for (int i = 0; i < 120000; ++i)
    settings += frame(FrameType::kSettings, 0, 0, "");
  EXPECT_FALSE(take(settings).ok());
}

}  // namespace
}  // namespace muster
