// SPDX-License-Identifier: Apache-2.0
// What gRPC says of fields, messages and their ends, on streams that do what the test says: what no
// real client does, too. For ModelInfer and for a method of the table, which read in ways of their
// own.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "frontend/grpc/message/coded_message.h"
#include "frontend/grpc/testing/echo_request.h"
#include "frontend/grpc/testing/scripted_stream.h"

namespace muster::testing {
namespace {

constexpr char kInfer[] = "/inference.GRPCInferenceService/ModelInfer";
constexpr char kReady[] = "/inference.GRPCInferenceService/ModelReady";

struct CallRulesTest : ::testing::TestWithParam<const char*> {
  ScriptedCalls calls;

  // A message of the method's that is answered with OK.
  [[nodiscard]] static std::string message() {
    if (GetParam() == std::string_view(kInfer)) return echo_request("id").SerializeAsString();
    oip::ModelReadyRequest request;
    request.set_name("echo");
    return request.SerializeAsString();
  }
  [[nodiscard]] ScriptedStream::Fields fields() const {
    return ScriptedCalls::fields_of(GetParam());
  }
  ScriptedStream& make(const std::string& body) { return calls.make(fields(), body); }
  ScriptedStream& make_with(Http2Field field, const std::string& value) {
    ScriptedStream::Fields changed = fields();
    changed[field] = value;
    return calls.make(std::move(changed), framed(message()));
  }
  [[nodiscard]] std::string compressed(const std::string& plain, MessageCoding coding) const {
    MessageBytes out(calls.memory);
    EXPECT_TRUE(append_compressed(bytes_of(plain), coding, out));
    return std::string(out.text());
  }
  // A message of the method's that is worth compressing.
  [[nodiscard]] static std::string large_message() {
    if (GetParam() == std::string_view(kInfer)) {
      oip::ModelInferRequest request = echo_request("id");
      request.mutable_inputs(0)->set_shape(0, 500);
      request.set_raw_input_contents(0, std::string(500 * 16, '\1'));
      return request.SerializeAsString();
    }
    oip::ModelReadyRequest request;
    request.set_name(std::string(8'000, 'x'));
    return request.SerializeAsString();
  }
};

INSTANTIATE_TEST_SUITE_P(Methods, CallRulesTest, ::testing::Values(kInfer, kReady),
                         [](const auto& tested) {
                           return tested.param == std::string_view(kInfer) ? "infer" : "table";
                         });

TEST_P(CallRulesTest, answers_with_a_head_a_message_and_a_status) {
  const ScriptedStream& stream = make(framed(message()));
  EXPECT_EQ(stream.head.at(":status"), "200");
  EXPECT_EQ(stream.head.at("content-type"), "application/grpc");
  EXPECT_EQ(stream.head.at("grpc-accept-encoding"), "identity,deflate,gzip");
  EXPECT_EQ(stream.head.count("grpc-encoding"), 0U);
  EXPECT_EQ(stream.messages().size(), 1U);
  EXPECT_EQ(stream.code(), "0");
  EXPECT_EQ(stream.trailers.count("grpc-message"), 0U);
  EXPECT_EQ(stream.consumed, framed(message()).size());
  EXPECT_TRUE(calls.open_calls.await_none(calls.clock, calls.clock.now()));
}

TEST_P(CallRulesTest, a_call_that_could_not_begin_is_not_waited_for) {
  calls.thread.has_no_memory = true;
  EXPECT_THROW(calls.begin(fields()), std::bad_alloc);
  calls.thread.has_no_memory = false;
  EXPECT_EQ(make(framed(message())).code(), "0");
  const TransportMetrics& metrics = calls.fakes.metrics.grpc;
  EXPECT_EQ(metrics.requests.value(), metrics.requests_answered.value());
  calls.stop();
  EXPECT_TRUE(calls.is_drained());
}

TEST_P(CallRulesTest, takes_a_message_in_pieces_of_every_length) {
  const std::string body = framed(message());
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    ScriptedStream& stream = calls.begin(fields());
    stream.say(body, piece);
    stream.end();
    calls.thread.round();
    stream.take_all();
    ASSERT_EQ(stream.code(), "0") << piece << stream.words();
    ASSERT_EQ(stream.consumed, body.size());
  }
}

TEST_P(CallRulesTest, answers_when_the_client_has_said_its_last) {
  ScriptedStream& stream = calls.begin(fields());
  stream.say(framed(message()));
  calls.thread.round();
  EXPECT_FALSE(stream.is_finished);
  stream.end();
  calls.thread.round();
  EXPECT_TRUE(stream.is_finished);
}

TEST_P(CallRulesTest, has_one_message) {
  EXPECT_EQ(make("").code(), "3");
  EXPECT_EQ(make(framed(message()) + framed(message())).words(),
            "the call has more than the one message of its method");
  EXPECT_EQ(make(framed(message()) + "x").code(), "3");
  const ScriptedStream& stream = make(framed(message()) + framed("") + std::string(100, '\xff'));
  EXPECT_EQ(stream.code(), "3");
  EXPECT_TRUE(stream.has_body_only_head);
  EXPECT_EQ(calls.fakes.inference.asked(), 0U);
}

TEST_P(CallRulesTest, an_empty_message_is_one) {
  const bool infers = GetParam() == std::string_view(kInfer);
  EXPECT_EQ(make(framed("")).code(), infers ? "5" : "0");
}

TEST_P(CallRulesTest, refuses_a_message_that_is_cut_off) {
  const std::string body = framed(message());
  for (const std::size_t kept : {std::size_t{1}, std::size_t{4}, std::size_t{5}, body.size() - 1}) {
    const ScriptedStream& stream = make(body.substr(0, kept));
    EXPECT_EQ(stream.code(), "3") << kept;
    EXPECT_EQ(stream.words(), "the message is cut off");
  }
}

TEST_P(CallRulesTest, refuses_a_message_over_the_limit_when_its_length_is_there) {
  calls.fakes.limits.max_body_bytes = 5'000;
  ScriptedStream& stream = calls.begin(fields());
  stream.say(prefix_of(5'001));
  EXPECT_TRUE(stream.is_finished) << "before it is sent";
  stream.say(std::string(5'001, 'x'));
  EXPECT_EQ(stream.consumed, 5'006U) << "what is still on its way is taken";
  stream.end();
  stream.take_all();
  EXPECT_EQ(stream.code(), "8");
  EXPECT_EQ(stream.words(), "the message has 5001 bytes, the limit is 5000");
  EXPECT_EQ(calls.memory->taken(), 0U);
}

TEST_P(CallRulesTest, refuses_a_message_for_which_there_is_no_memory) {
  calls.memory = std::make_shared<MemoryBudget>(10'000);
  ScriptedStream& stream = calls.begin(fields());
  stream.say(prefix_of(12'000));
  stream.say(std::string(10'001, 'x'));
  stream.take_all();
  EXPECT_EQ(stream.code(), "14") << stream.words();
}

TEST_P(CallRulesTest, refuses_a_flag_that_does_not_exist) {
  EXPECT_EQ(make("\x02" + framed(message()).substr(1)).code(), "3");
}

TEST_P(CallRulesTest, speaks_compressed_with_clients_that_do) {
  for (const MessageCoding coding : {MessageCoding::kGzip, MessageCoding::kDeflate}) {
    ScriptedStream::Fields changed = fields();
    changed[Http2Field::kEncoding] = coding_name(coding);
    changed[Http2Field::kAcceptEncoding] = "identity, deflate, gzip";
    const std::string body = framed(compressed(large_message(), coding), true);
    const ScriptedStream& stream = calls.make(changed, body);
    ASSERT_EQ(stream.code(), "0") << stream.words();
    EXPECT_EQ(stream.head.at("grpc-encoding"), coding_name(coding));
    if (GetParam() == std::string_view(kInfer)) {
      EXPECT_EQ(stream.body.front(), '\1');
      MessageBytes plain(calls.memory);
      ASSERT_TRUE(inflate_message(bytes_of(stream.messages()[0]), coding, 10'000, plain).ok());
      oip::ModelInferResponse response;
      ASSERT_TRUE(response.ParseFromString(std::string(plain.text())));
      EXPECT_EQ(response.raw_output_contents(0), std::string(8'000, '\1'));
    } else {
      EXPECT_EQ(stream.body.front(), '\0') << "nothing is smaller than nothing";
    }
    EXPECT_EQ(calls.fakes.metrics.grpc.received_bytes.value(), body.size() - 5) << "as it came";
    calls.fakes.metrics.grpc.received_bytes.add(-calls.fakes.metrics.grpc.received_bytes.value());
  }
}

TEST_P(CallRulesTest, answers_plain_where_the_client_reads_nothing_else) {
  ScriptedStream::Fields changed = fields();
  changed[Http2Field::kEncoding] = "gzip";
  changed[Http2Field::kAcceptEncoding] = "identity";
  const std::string message = compressed(large_message(), MessageCoding::kGzip);
  const ScriptedStream& stream = calls.make(changed, framed(message, true));
  EXPECT_EQ(stream.code(), "0");
  EXPECT_EQ(stream.head.count("grpc-encoding"), 0U);
  EXPECT_EQ(stream.body.front(), '\0');
}

TEST_P(CallRulesTest, takes_plain_messages_of_a_call_that_may_compress) {
  EXPECT_EQ(make_with(Http2Field::kEncoding, "gzip").code(), "0");
  EXPECT_EQ(make_with(Http2Field::kEncoding, "identity").code(), "0");
}

TEST_P(CallRulesTest, refuses_what_is_compressed_otherwise_than_it_says) {
  const std::string message = compressed(large_message(), MessageCoding::kGzip);
  EXPECT_EQ(make(framed(message, true)).code(), "13") << "it does not say how";
  ScriptedStream::Fields changed = fields();
  changed[Http2Field::kEncoding] = "identity";
  EXPECT_EQ(calls.make(changed, framed(message, true)).code(), "13");
  changed[Http2Field::kEncoding] = "deflate";
  EXPECT_EQ(calls.make(changed, framed(message, true)).code(), "3");
  changed[Http2Field::kEncoding] = "gzip";
  EXPECT_EQ(calls.make(changed, framed(message.substr(0, message.size() - 1), true)).code(), "3");
  EXPECT_EQ(calls.make(changed, framed(message + "x", true)).code(), "3");
  EXPECT_EQ(calls.make(changed, framed("", true)).code(), "3");
}

TEST_P(CallRulesTest, refuses_what_is_too_large_when_inflated) {
  calls.fakes.limits.max_decompressed_bytes = 100'000;
  calls.fakes.limits.max_control_bytes = 100'000;
  calls.fakes.limits.max_header_bytes = 100'000;
  ScriptedStream::Fields changed = fields();
  changed[Http2Field::kEncoding] = "gzip";
  const std::string bomb = compressed(std::string(20'000'000, '\0'), MessageCoding::kGzip);
  const ScriptedStream& stream = calls.make(changed, framed(bomb, true));
  EXPECT_EQ(stream.code(), "3");
  EXPECT_NE(stream.words().find("100000"), std::string::npos) << stream.words();
}

TEST_P(CallRulesTest, refuses_codings_that_it_does_not_know_and_tells_which_it_does) {
  const ScriptedStream& stream = make_with(Http2Field::kEncoding, "br");
  EXPECT_EQ(stream.code(), "12");
  EXPECT_EQ(stream.trailers.at("grpc-accept-encoding"), "identity,deflate,gzip");
  EXPECT_EQ(stream.trailers.at(":status"), "200");
  EXPECT_TRUE(stream.has_body_only_head);
}

TEST_P(CallRulesTest, is_asked_by_post_with_grpcs_content_type) {
  const ScriptedStream& other = make_with(Http2Field::kContentType, "application/json");
  EXPECT_EQ(other.trailers.at(":status"), "415");
  EXPECT_EQ(make_with(Http2Field::kContentType, "").trailers.at(":status"), "415");
  const ScriptedStream& get = make_with(Http2Field::kMethod, "GET");
  EXPECT_EQ(get.trailers.at(":status"), "405");
  EXPECT_EQ(get.trailers.at("allow"), "POST");
  EXPECT_EQ(calls.fakes.inference.asked(), 0U);
  EXPECT_EQ(calls.fakes.metrics.grpc.client_errors.value(), 3U);
  EXPECT_EQ(calls.fakes.metrics.grpc.requests_answered.value(), 3U);
  EXPECT_EQ(make_with(Http2Field::kContentType, "application/grpc+proto").code(), "0");
}

TEST_P(CallRulesTest, refuses_timeouts_that_are_none) {
  for (const char* wrong : {"1", "soon", "-1S", "123456789S"}) {
    const ScriptedStream& stream = make_with(Http2Field::kTimeout, wrong);
    EXPECT_EQ(stream.code(), "3") << wrong;
    EXPECT_NE(stream.words().find(wrong), std::string::npos) << stream.words();
  }
  EXPECT_EQ(make_with(Http2Field::kTimeout, "99999999H").code(), "0");
}

TEST_P(CallRulesTest, refuses_a_head_over_its_limit) {
  ScriptedStream& stream = calls.begin(fields(), true);
  stream.take_all();
  EXPECT_EQ(stream.code(), "8");
}

TEST_P(CallRulesTest, ends_a_call_whose_message_does_not_come) {
  ScriptedStream& none = calls.begin(fields());
  ScriptedStream& half = calls.begin(fields());
  half.say(framed(message()).substr(0, 6));
  ScriptedStream& open = calls.begin(fields());
  open.say(framed(message()));
  calls.clock.advance(calls.fakes.limits.receive_timeout - std::chrono::milliseconds(1));
  calls.check_time();
  EXPECT_FALSE(none.is_finished || half.is_finished || open.is_finished);
  calls.clock.advance(std::chrono::milliseconds(1));
  calls.check_time();
  for (ScriptedStream* stream : {&none, &half, &open}) {
    stream->take_all();
    EXPECT_EQ(stream->code(), "1");
    EXPECT_EQ(stream->words(), "the message did not come in time");
  }
}

TEST_P(CallRulesTest, a_client_that_goes_before_its_message_leaves_nothing) {
  for (const std::size_t kept : {std::size_t{0}, std::size_t{3}, std::size_t{9}}) {
    ScriptedStream& stream = calls.begin(fields());
    stream.say(framed(message()).substr(0, kept));
    stream.close(Http2Closing::kByClient);
  }
  EXPECT_TRUE(calls.is_drained());
  EXPECT_EQ(calls.fakes.metrics.grpc.requests.value(), 3U);
  EXPECT_EQ(calls.fakes.metrics.grpc.requests_answered.value(), 3U);
  EXPECT_EQ(calls.fakes.metrics.grpc.disconnects.value(), 3U);
}

TEST_P(CallRulesTest, a_call_without_its_message_holds_up_no_stop) {
  ScriptedStream& stream = calls.begin(fields());
  stream.say(framed(message()).substr(0, 9));
  calls.stop();
  stream.take_all();
  EXPECT_EQ(stream.code(), "14");
  EXPECT_TRUE(calls.is_drained());
}

TEST_P(CallRulesTest, words_travel_as_printable_ascii) {
  ScriptedStream::Fields other = fields();
  other[Http2Field::kPath] = "/no/such\n%\xc3\xa9";
  const ScriptedStream& stream = calls.make(other, "");
  EXPECT_EQ(stream.code(), "12");
  for (const char letter : stream.words())
    EXPECT_TRUE(letter >= ' ' && letter <= '~') << stream.words();
}

}  // namespace
}  // namespace muster::testing
