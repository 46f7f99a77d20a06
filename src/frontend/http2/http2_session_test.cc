// SPDX-License-Identifier: Apache-2.0
#include "frontend/http2/http2_session.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "frontend/http2/testing/client_session.h"
#include "frontend/http2/testing/fake_calls.h"

namespace muster::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kEnough = std::size_t{1} << 16;

struct SessionTest : ::testing::Test, Http2Session::Owner {
  ~SessionTest() override {
    if (session) session->close(Http2Closing::kServerEnds);
  }
  void has_output() noexcept override {}
  TimePoint now() override { return time; }

  void begin() {
    sharing.emplace(Http2Sharing{service, limits, spare});
    session.emplace(*sharing, peer, *this);
  }
  bool receive(std::string_view bytes) { return session->receive(std::as_bytes(std::span(bytes))); }
  std::string fill() {
    std::vector<std::byte> out;
    EXPECT_TRUE(session->fill(out, kEnough));
    return {reinterpret_cast<const char*>(out.data()), out.size()};
  }
  // Until neither has anything to say.
  void talk() {
    if (!session) begin();
    for (bool goes_on = true; goes_on;) {
      const std::string asked = client.output();
      EXPECT_TRUE(receive(asked));
      const std::string answered = fill();
      client.input(answered);
      goes_on = !asked.empty() || !answered.empty();
    }
  }
  FakeCall& call(std::size_t index = 0) { return *service.calls.at(index); }
  void greet() {
    begin();
    EXPECT_TRUE(receive(std::string(kPreface) + frame(NGHTTP2_SETTINGS, 0, 0)));
    fill();
  }
  // What the server says of `bytes`, as the error of its GOAWAY, or none.
  std::optional<std::uint32_t> verdict(const std::string& bytes) {
    static_cast<void>(receive(bytes));
    const std::string said = fill();
    for (std::size_t at = 0; at + 9 <= said.size();) {
      const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(said[at + i]); };
      if (byte(3) == NGHTTP2_GOAWAY) return byte(16);
      at += 9 + (std::size_t{byte(0)} << 16) + (std::size_t{byte(1)} << 8) + byte(2);
    }
    return {};
  }

  TimePoint time{seconds(1000)};
  FrontendLimits limits;
  FakeService service;
  SpareStreams spare;
  Http2Peer peer;
  std::optional<Http2Sharing> sharing;
  std::optional<Http2Session> session;
  ClientSession client;
};

TEST_F(SessionTest, a_request_is_heard_and_answered) {
  service.at_begin = [](FakeCall& made) {
    EXPECT_EQ(made.stream->field(Http2Field::kPath), "/p.S/M");
    EXPECT_EQ(made.stream->field(Http2Field::kMethod), "POST");
    EXPECT_EQ(made.stream->field(Http2Field::kTe), "trailers");
    EXPECT_EQ(made.stream->field(Http2Field::kAuthorization), "");
    made.at_end = [](FakeCall& ended) { ended.answer("hello"); };
  };
  const std::int32_t stream = client.ask("question");
  talk();
  EXPECT_EQ(call().body, "question");
  const Heard& heard = client.heard.at(stream);
  EXPECT_EQ(heard.field(":status"), "200");
  EXPECT_EQ(heard.field("content-type"), "application/grpc");
  EXPECT_EQ(heard.body, "hello");
  EXPECT_EQ(heard.field("grpc-status"), "0");
  EXPECT_TRUE(heard.ended && heard.closed);
  EXPECT_EQ(call().closing, Http2Closing::kAnswered);
}

TEST_F(SessionTest, answers_that_are_ready_go_out_together) {
  for (int i = 0; i < 8; ++i)
    static_cast<void>(client.ask("q"));
  talk();
  ASSERT_EQ(service.calls.size(), 8U);
  for (const auto& one : service.calls)
    one->answer("a");
  client.input(fill());
  for (const auto& one : service.calls)
    EXPECT_EQ(one->closing, Http2Closing::kAnswered);
  EXPECT_EQ(client.heard.size(), 8U);
}

TEST_F(SessionTest, an_answer_may_be_a_head_alone) {
  const std::int32_t stream = client.ask("question");
  talk();
  call().stream->respond_only(FakeCall::kHead);
  talk();
  EXPECT_TRUE(client.heard.at(stream).closed);
  EXPECT_EQ(client.heard.at(stream).body, "");
  EXPECT_EQ(call().closing, Http2Closing::kAnswered);
}

TEST_F(SessionTest, a_client_that_goes_on_after_its_answer_is_told_to_stop) {
  const std::int32_t stream = client.ask("question", false);
  talk();
  call().answer("enough");
  talk();
  EXPECT_TRUE(client.heard.at(stream).ended);
  EXPECT_TRUE(client.heard.at(stream).closed);
  EXPECT_EQ(client.heard.at(stream).error, NGHTTP2_NO_ERROR);
  EXPECT_EQ(call().closing, Http2Closing::kAnswered);
}

TEST_F(SessionTest, a_reset_of_the_client_and_of_the_server_end_a_stream) {
  const std::int32_t first = client.ask("question");
  const std::int32_t second = client.ask("question");
  talk();
  client.reset(first);
  call(1).stream->reset(Http2Error::kCancel);
  talk();
  EXPECT_EQ(call(0).closing, Http2Closing::kByClient);
  EXPECT_EQ(call(1).closing, Http2Closing::kByServer);
  EXPECT_EQ(client.heard.at(second).error, NGHTTP2_CANCEL);
}

TEST_F(SessionTest, bytes_that_are_not_consumed_stop_their_stream_and_no_other) {
  service.at_begin = [this](FakeCall& made) { made.takes_bytes = service.calls.size() > 1; };
  const std::string large(std::size_t{6} << 20, 'x');
  static_cast<void>(client.ask(large));
  static_cast<void>(client.ask(large));
  talk();
  EXPECT_EQ(call(0).body.size(), std::size_t{1} << 20);
  EXPECT_FALSE(call(0).has_ended);
  EXPECT_EQ(call(1).body.size(), large.size());
  EXPECT_TRUE(call(1).has_ended);
  call(0).takes_bytes = true;
  call(0).stream->consume(call(0).body.size());
  talk();
  EXPECT_TRUE(call(0).has_ended);
}

TEST_F(SessionTest, sends_are_told_when_they_were_taken) {
  const std::int32_t stream = client.ask("question");
  talk();
  const std::string piece(30'000, 'p');
  call().stream->respond(FakeCall::kHead);
  for (int i = 0; i < 4; ++i)
    call().stream->send(bytes_of(piece));
  talk();
  EXPECT_EQ(call().sent_count, 2U) << "the client's window has 65535 bytes";
  client.consume(stream, 65535);
  talk();
  EXPECT_EQ(call().sent_count, 4U);
  EXPECT_FALSE(call().closing);
  call().stream->finish(FakeCall::kTrailers);  // behind all of them
  talk();
  EXPECT_EQ(client.heard.at(stream).body.size(), 4 * piece.size());
  EXPECT_EQ(client.heard.at(stream).field("grpc-status"), "0");
  EXPECT_EQ(call().closing, Http2Closing::kAnswered);
}

TEST_F(SessionTest, who_was_told_may_send_more_at_once) {
  const std::int32_t stream = client.ask("question");
  talk();
  call().text = "again ";
  call().at_sent = [](FakeCall& told) {
    if (told.sent_count < 3) return told.stream->send(bytes_of(told.text));
    told.stream->finish(FakeCall::kTrailers);
  };
  call().stream->respond(FakeCall::kHead);
  call().stream->send(bytes_of(call().text));
  client.input(fill());
  EXPECT_EQ(client.heard.at(stream).body, "again again again ");
  EXPECT_TRUE(client.heard.at(stream).closed);
}

TEST_F(SessionTest, a_client_that_does_not_take_its_answer_in_time_loses_it) {
  limits.send_timeout = seconds(10);
  limits.min_send_rate = 1000;
  static_cast<void>(client.ask("question"));
  talk();
  call().answer(std::string(100'000, 'x'));
  talk();
  time += seconds(109);
  EXPECT_TRUE(session->check_time(time));
  talk();
  EXPECT_FALSE(call().closing);
  time += seconds(2);
  EXPECT_TRUE(session->check_time(time));
  talk();
  EXPECT_EQ(call().closing, Http2Closing::kSendTimedOut);
  EXPECT_EQ(call().looks, 2);
}

TEST_F(SessionTest, nor_does_a_window_that_is_closed_hold_back_an_end_for_ever) {
  const std::int32_t stream = client.ask("question");
  talk();
  const std::string all(65535, 'x');
  call().stream->respond(FakeCall::kHead);
  call().stream->send(bytes_of(all));
  talk();
  time += limits.send_timeout;
  EXPECT_TRUE(session->check_time(time));
  talk();
  EXPECT_FALSE(call().closing) << "nothing waits";
  call().stream->finish(FakeCall::kTrailers);
  talk();
  EXPECT_EQ(client.heard.at(stream).body.size(), all.size());
  EXPECT_FALSE(client.heard.at(stream).ended);
  time += limits.send_timeout - milliseconds(1);
  EXPECT_TRUE(session->check_time(time));
  talk();
  EXPECT_FALSE(call().closing);
  time += milliseconds(1);
  EXPECT_TRUE(session->check_time(time));
  talk();
  EXPECT_EQ(call().closing, Http2Closing::kSendTimedOut);
}

TEST_F(SessionTest, a_head_over_the_limit_is_told_and_one_far_over_it_is_broken_off) {
  limits.max_header_bytes = 1000;
  greet();
  auto fields = request_fields();
  fields.emplace_back("much", std::string(1000, 'x'));
  EXPECT_TRUE(receive(frame(NGHTTP2_HEADERS, 4, 1, header_block(fields))));
  ASSERT_EQ(service.calls.size(), 1U);
  EXPECT_TRUE(call().stream->head_is_too_large());
  fields.emplace_back("more", std::string(4000, 'x'));
  EXPECT_TRUE(receive(frame(NGHTTP2_HEADERS, 4, 3, header_block(fields))));
  EXPECT_EQ(service.calls.size(), 1U);
  EXPECT_EQ(verdict(frame(NGHTTP2_HEADERS, 4, 5, header_block(request_fields()))), std::nullopt);
  EXPECT_EQ(service.calls.size(), 2U) << "the connection goes on";
}

TEST_F(SessionTest, a_field_may_end_in_a_space) {
  greet();
  auto fields = request_fields();
  fields.emplace_back("authorization", "Bearer ");
  EXPECT_TRUE(receive(frame(NGHTTP2_HEADERS, 4, 1, header_block(fields))));
  ASSERT_EQ(service.calls.size(), 1U);
  EXPECT_EQ(call().stream->field(Http2Field::kAuthorization), "Bearer ");
}

TEST_F(SessionTest, as_many_streams_as_the_limit_says_are_open) {
  limits.max_streams = 2;
  talk();
  greet();
  for (const std::uint32_t stream : {1U, 3U, 5U})
    EXPECT_TRUE(receive(frame(NGHTTP2_HEADERS, 4, stream, header_block(request_fields()))));
  EXPECT_EQ(service.calls.size(), 2U);
}

TEST_F(SessionTest, what_is_no_http2_is_noticed) {
  begin();
  EXPECT_FALSE(receive("GET / HTTP/1.1\r\nHost: here\r\n\r\n"));
}

TEST_F(SessionTest, a_client_that_breaks_off_too_often_is_sent_away) {
  limits.max_resets = 100;
  greet();
  std::string bytes;
  std::uint32_t stream = 1;
  const auto ask_and_reset = [&](int times) {
    bytes.clear();
    for (; times > 0; --times, stream += 2) {
      bytes += frame(NGHTTP2_HEADERS, 4, stream, header_block(request_fields()));
      bytes += frame(NGHTTP2_RST_STREAM, 0, stream, std::string(4, '\0'));
    }
    return verdict(bytes);
  };
  EXPECT_EQ(ask_and_reset(100), std::nullopt);
  time += seconds(1);
  EXPECT_EQ(ask_and_reset(100), std::nullopt) << "a second later";
  EXPECT_EQ(ask_and_reset(101), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_TRUE(session->is_over());
}

TEST_F(SessionTest, a_client_that_has_streams_broken_off_too_often_is_sent_away) {
  limits.max_resets = 100;
  greet();
  std::string bytes;
  std::uint32_t stream = 1;
  const auto ask_and_provoke = [&](int times) {
    bytes.clear();
    for (; times > 0; --times, stream += 2) {
      bytes += frame(NGHTTP2_HEADERS, 5, stream, header_block(request_fields()));
      bytes += frame(NGHTTP2_WINDOW_UPDATE, 0, stream, "\x7f\xff\xff\xff");
    }
    const auto said = verdict(bytes);
    return said ? said : verdict("");
  };
  EXPECT_EQ(ask_and_provoke(100), std::nullopt);
  EXPECT_EQ(call(99).closing, Http2Closing::kByClient);
  time += seconds(1);
  EXPECT_EQ(ask_and_provoke(100), std::nullopt) << "a second later";
  EXPECT_EQ(ask_and_provoke(101), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_TRUE(session->is_over());
}

TEST_F(SessionTest, what_the_server_breaks_off_itself_is_nobodys_fault) {
  limits.max_resets = 2;
  greet();
  for (std::uint32_t stream = 1; stream < 40; stream += 2) {
    ASSERT_EQ(verdict(frame(NGHTTP2_HEADERS, 4, stream, header_block(request_fields()))),
              std::nullopt);
    FakeCall& made = *service.calls.back();
    if (stream % 4 == 1) {
      made.answer("enough");
    } else {
      made.stream->reset(Http2Error::kCancel);
    }
    ASSERT_EQ(verdict(""), std::nullopt);
    ASSERT_EQ(verdict(""), std::nullopt);
    ASSERT_TRUE(made.closing);
  }
}

// One that never acknowledges our settings is refused streams one by one.
TEST_F(SessionTest, refusals_do_not_pile_up_for_a_client_that_does_not_read) {
  limits.max_streams = 1;
  greet();
  std::uint32_t stream = 1;
  const auto heads = [&stream] {
    std::string bytes;
    for (int i = 0; i < 1000; ++i, stream += 2)
      bytes += frame(NGHTTP2_HEADERS, 5, stream, "\x82");
    return bytes;
  };
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(receive(heads()));
    fill();
  }
  int received = 0;
  while (received < 20 && receive(heads()))
    ++received;
  EXPECT_EQ(received, 4) << "thousand";
}

TEST_F(SessionTest, a_client_that_only_keeps_us_busy_is_sent_away) {
  limits.max_control_frames = 1000;
  const std::string ping = frame(NGHTTP2_PING, 0, 0, "12345678");
  const std::string settings = frame(NGHTTP2_SETTINGS, 0, 0);
  const std::string window = frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string("\0\0\0\1", 4));
  const std::string priority = frame(NGHTTP2_PRIORITY, 0, 3, std::string(5, '\0'));
  for (const std::string& one : {ping, settings, window, priority}) {
    session.reset();
    greet();
    for (int i = 0; i < 900; ++i) {
      ASSERT_EQ(verdict(one), std::nullopt) << i;
    }
    std::string many;
    for (int i = 0; i < 1100; ++i)
      many += one;
    EXPECT_EQ(verdict(many), NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

TEST_F(SessionTest, empty_pieces_of_a_body_and_of_a_head_count_as_well) {
  limits.max_control_frames = 1000;
  greet();
  EXPECT_TRUE(receive(frame(NGHTTP2_HEADERS, 4, 1, header_block(request_fields()))));
  std::string many;
  for (int i = 0; i < 1100; ++i)
    many += frame(NGHTTP2_DATA, 0, 1);
  EXPECT_EQ(verdict(many), NGHTTP2_ENHANCE_YOUR_CALM);
  session->close(Http2Closing::kByServer);
  session.reset();
  greet();
  EXPECT_TRUE(receive(frame(NGHTTP2_HEADERS, 0, 1, header_block(request_fields()))));
  many.clear();
  for (int i = 0; i < 1100; ++i)
    many += frame(NGHTTP2_CONTINUATION, 0, 1);
  EXPECT_FALSE(receive(many) && session->check_time(time) && !session->is_over());
}

TEST_F(SessionTest, who_works_may_say_more_besides) {
  limits.max_control_frames = 100;
  service.at_begin = [](FakeCall& made) {
    made.at_end = [](FakeCall& ended) { ended.answer("a"); };
  };
  const std::string ping = frame(NGHTTP2_PING, 0, 0, "12345678");
  greet();
  for (std::uint32_t stream = 1; stream < 2000; stream += 2) {
    ASSERT_EQ(
        verdict(frame(NGHTTP2_HEADERS, 5, stream, header_block(request_fields())) + ping + ping),
        std::nullopt);
  }
}

TEST_F(SessionTest, heads_of_streams_that_are_over_are_no_work) {
  limits.max_control_frames = 100;
  service.at_begin = [](FakeCall& made) {
    made.at_end = [](FakeCall& ended) { ended.answer("a"); };
  };
  greet();
  EXPECT_EQ(verdict(frame(NGHTTP2_HEADERS, 5, 1, header_block(request_fields()))), std::nullopt);
  const std::string ping = frame(NGHTTP2_PING, 0, 0, "12345678");
  std::string many;
  for (int i = 0; i < 110; ++i)
    many += frame(NGHTTP2_HEADERS, 5, 1, "\x82") + ping;
  EXPECT_EQ(verdict(many), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(SessionTest, a_client_that_is_gone_without_a_word_is_found_out) {
  talk();
  time += seconds(61);
  EXPECT_TRUE(session->check_time(time));
  const std::string ping = fill();
  client.input(ping);
  EXPECT_EQ(client.pings, 1);
  time += seconds(19);
  EXPECT_TRUE(session->check_time(time));
  talk();  // it is there
  time += seconds(50);
  EXPECT_TRUE(session->check_time(time));
  time += seconds(20);
  EXPECT_TRUE(session->check_time(time));
  time += seconds(20);
  EXPECT_FALSE(session->check_time(time));
}

TEST_F(SessionTest, a_greeting_and_a_head_come_in_time_or_the_client_goes) {
  limits.receive_timeout = seconds(5);
  begin();
  EXPECT_TRUE(receive(kPreface));
  time += seconds(4);
  EXPECT_TRUE(session->check_time(time));
  time += seconds(1);
  EXPECT_FALSE(session->check_time(time));
  session.reset();
  greet();
  EXPECT_TRUE(receive(frame(NGHTTP2_HEADERS, 0, 1, header_block(request_fields()))));
  time += seconds(4);
  EXPECT_TRUE(session->check_time(time));
  time += seconds(1);
  EXPECT_FALSE(session->check_time(time));
}

TEST_F(SessionTest, a_head_that_was_broken_off_is_not_waited_for) {
  limits.max_header_bytes = 1000;
  greet();
  EXPECT_TRUE(receive(frame(NGHTTP2_HEADERS, 4, 1, header_block(request_fields()))));
  auto far_over = request_fields();
  far_over.emplace_back("much", std::string(6000, 'x'));
  const std::string no_path = "\x82";
  std::uint32_t stream = 3;
  for (const std::string& wrong : {header_block(far_over), no_path}) {
    EXPECT_TRUE(receive(frame(NGHTTP2_HEADERS, 4, stream, wrong)));
    fill();
    time += limits.receive_timeout;
    EXPECT_TRUE(session->check_time(time)) << "another call is open";
    stream += 2;
  }
  EXPECT_EQ(service.calls.size(), 1U);
  EXPECT_FALSE(call().closing);
}

TEST_F(SessionTest, one_that_should_go_is_told_and_goes_when_its_last_stream_does) {
  const std::int32_t early = client.ask("question");
  talk();
  session->leave();
  client.input(fill());
  ASSERT_EQ(client.goaways.size(), 1U);
  time += seconds(5);
  EXPECT_TRUE(session->check_time(time));
  call().answer("late");
  talk();
  EXPECT_EQ(client.heard.at(early).body, "late");
  EXPECT_FALSE(session->is_over());
  EXPECT_TRUE(session->check_time(time));
  fill();
  EXPECT_TRUE(session->is_over());
}

TEST_F(SessionTest, stopping_and_closing_are_told_to_every_call) {
  static_cast<void>(client.ask("question"));
  static_cast<void>(client.ask("question", false));
  talk();
  session->stop();
  session->close(Http2Closing::kServerEnds);
  for (const auto& one : service.calls) {
    EXPECT_TRUE(one->is_stopped);
    EXPECT_EQ(one->closing, Http2Closing::kServerEnds);
  }
}

// As far as the frame goes, which is then received from there.
TEST_F(SessionTest, a_body_has_a_place_to_be_read_to) {
  greet();
  EXPECT_TRUE(session->room().empty());
  const std::string body = "0123456789";
  const std::string data = frame(NGHTTP2_DATA, 0, 1, body);
  EXPECT_TRUE(
      receive(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, header_block(request_fields())) +
              data.substr(0, 9 + 4)));
  EXPECT_TRUE(session->room().empty()) << "the call has none";
  call().place.resize(100);
  std::span<std::byte> room = session->room();
  ASSERT_EQ(room.size(), 6U);
  std::ranges::copy(std::as_bytes(std::span(body)).subspan(4), room.begin());
  EXPECT_TRUE(session->receive(room.first(5)));
  room = session->room();
  ASSERT_EQ(room.size(), 1U);
  room[0] = std::byte{'9'};
  EXPECT_TRUE(session->receive(room));
  EXPECT_EQ(call().body, body);
  EXPECT_TRUE(session->room().empty()) << "the frame has ended";
}

TEST_F(SessionTest, a_body_with_padding_or_without_a_call_has_none) {
  greet();
  EXPECT_TRUE(
      receive(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, header_block(request_fields()))));
  const std::string padded =
      frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, std::string("\2abcd..", 7));
  EXPECT_TRUE(receive(padded.substr(0, 9 + 2)));
  call().place.resize(100);
  EXPECT_TRUE(session->room().empty());
  EXPECT_TRUE(receive(padded.substr(9 + 2)));
  EXPECT_EQ(call().body, "abcd");

  EXPECT_TRUE(receive(frame(NGHTTP2_DATA, 0, 1, "0123456789").substr(0, 9 + 4)));
  EXPECT_FALSE(session->room().empty());
  call().stream->reset(Http2Error::kCancel);
  fill();
  EXPECT_TRUE(session->room().empty()) << "the stream has ended";
}

}  // namespace
}  // namespace muster::testing
