// SPDX-License-Identifier: Apache-2.0
// ModelStreamInfer step by step: what is read when, what is written when, and how it ends.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "frontend/grpc/message/coded_message.h"
#include "frontend/grpc/testing/echo_request.h"
#include "frontend/grpc/testing/scripted_stream.h"

namespace muster::testing {
namespace {

constexpr char kStream[] = "/inference.GRPCInferenceService/ModelStreamInfer";

std::string asked(const std::string& id) {
  return framed(echo_request(id).SerializeAsString());
}

std::vector<std::string> ids_of(const ScriptedStream& stream) {
  std::vector<std::string> ids;
  for (const std::string& message : stream.messages()) {
    oip::ModelStreamInferResponse response;
    EXPECT_TRUE(response.ParseFromString(message));
    ids.push_back(response.infer_response().id() + response.error_message());
  }
  return ids;
}

using Ids = std::vector<std::string>;

struct StreamRulesTest : ::testing::Test {
  ScriptedCalls calls;

  ScriptedStream& begin() { return calls.begin(kStream); }
};

TEST_F(StreamRulesTest, reads_many_messages_of_one_piece_and_one_of_many) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1'000}}) {
    ScriptedStream& stream = begin();
    const std::string bytes = asked("a") + asked("b") + asked("c");
    stream.say(bytes, piece);
    EXPECT_EQ(stream.consumed, bytes.size());
    stream.end();
    calls.thread.round();
    stream.take_all();
    EXPECT_EQ(ids_of(stream), (Ids{"a", "b", "c"}));
    EXPECT_EQ(stream.code(), "0");
  }
  EXPECT_TRUE(calls.is_drained());
}

TEST_F(StreamRulesTest, answers_of_a_round_go_out_together) {
  ScriptedStream& stream = begin();
  stream.say(asked("a") + asked("b") + asked("c"));
  calls.thread.round();
  EXPECT_EQ(stream.take_sends(), 3U);
  EXPECT_FALSE(stream.is_finished);
}

TEST_F(StreamRulesTest, keeps_back_a_client_that_is_ahead) {
  calls.fakes.limits.max_pipelined_requests = 3;
  calls.fakes.inference.hold();
  ScriptedStream& stream = begin();
  const std::string one = asked("x");
  for (int number = 0; number < 8; ++number)
    stream.say(one);
  stream.end();
  calls.thread.round();
  EXPECT_EQ(calls.fakes.inference.asked(), 3U);
  EXPECT_EQ(stream.consumed, 3 * one.size()) << "so that the window closes";
  calls.fakes.inference.release();
  for (int round = 0; round < 8; ++round) {
    calls.thread.round();
    stream.take_sends();
  }
  stream.take_all();
  EXPECT_EQ(stream.consumed, 8 * one.size());
  EXPECT_EQ(ids_of(stream).size(), 8U);
  EXPECT_EQ(stream.code(), "0");
}

TEST_F(StreamRulesTest, what_is_kept_back_does_not_grow_with_what_was_taken) {
  calls.fakes.limits.max_pipelined_requests = 1;
  ScriptedStream& stream = begin();
  const std::string one = asked("x");
  // Always one message and a half too many, as long as the window would let them come.
  std::string bytes;
  for (int number = 0; number < 400; ++number)
    bytes += one;
  stream.say(bytes.substr(0, one.size() * 5 / 2));
  for (std::size_t place = one.size() * 5 / 2; place < bytes.size(); place += one.size()) {
    calls.thread.round();
    stream.take_sends();
    stream.say(bytes.substr(place, one.size()));
  }
  for (int round = 0; round < 10; ++round) {
    calls.thread.round();
    stream.take_sends();
  }
  EXPECT_EQ(ids_of(stream).size(), 400U);
  EXPECT_EQ(stream.consumed, bytes.size());
  EXPECT_LT(calls.memory->taken(), 100 * one.size());
}

TEST_F(StreamRulesTest, encodes_no_more_than_the_client_takes) {
  oip::ModelInferRequest large = echo_request();
  large.mutable_inputs(0)->set_shape(0, 10'000);
  large.set_raw_input_contents(0, std::string(160'000, '\1'));
  calls.fakes.limits.max_pipelined_requests = 8;
  ScriptedStream& stream = begin();
  for (int number = 0; number < 8; ++number)
    stream.say(framed(large.SerializeAsString()));
  stream.end();
  calls.thread.round();
  EXPECT_EQ(stream.take_sends(), 2U) << "more wait as tensors";
  stream.take_all();
  EXPECT_EQ(stream.messages().size(), 8U);
  EXPECT_EQ(stream.code(), "0");
}

TEST_F(StreamRulesTest, cannot_go_on_behind_what_is_no_message) {
  calls.fakes.limits.max_body_bytes = 10'000;
  calls.fakes.inference.hold();
  for (const std::string& hostile :
       {prefix_of(10'001), std::string("\x02\0\0\0\0", 5), framed("x", true)}) {
    ScriptedStream& stream = begin();
    stream.say(asked("a") + hostile + asked("b"));
    calls.thread.round();
    stream.take_all();
    EXPECT_NE(stream.code(), "0");
    EXPECT_NE(stream.code(), "none");
    calls.thread.round();
    EXPECT_TRUE(calls.is_drained());
  }
  const TransportMetrics& metrics = calls.fakes.metrics.grpc;
  EXPECT_EQ(metrics.requests.value(), metrics.requests_answered.value());
}

TEST_F(StreamRulesTest, a_message_that_is_cut_off_ends_it) {
  ScriptedStream& stream = begin();
  stream.say(asked("a"));
  calls.thread.round();
  stream.take_sends();
  stream.say(asked("b").substr(0, 20));
  stream.end();
  stream.take_all();
  EXPECT_EQ(ids_of(stream), Ids{"a"});
  EXPECT_EQ(stream.words(), "the message is cut off");
}

TEST_F(StreamRulesTest, a_message_that_has_begun_has_to_come_but_the_next_may_take_its_time) {
  ScriptedStream& stream = begin();
  const auto wait = [this] {
    calls.clock.advance(calls.fakes.limits.receive_timeout);
    calls.check_time();
  };
  wait();
  stream.say(asked("a"));
  calls.thread.round();
  stream.take_sends();
  wait();
  EXPECT_FALSE(stream.is_finished);
  stream.say(asked("b").substr(0, 3));
  calls.check_time();
  EXPECT_FALSE(stream.is_finished);
  wait();
  stream.take_all();
  EXPECT_EQ(stream.code(), "1");
}

TEST_F(StreamRulesTest, a_client_that_goes_has_all_of_it_cancelled) {
  calls.fakes.inference.hold();
  ScriptedStream& stream = begin();
  stream.say(asked("a") + asked("b"));
  calls.thread.round();
  stream.say(asked("not handed in"));
  stream.close(Http2Closing::kByClient);
  calls.fakes.inference.wait_until_cancelled(2);
  calls.thread.round();
  calls.thread.round();
  EXPECT_EQ(calls.fakes.inference.asked(), 2U);
  const TransportMetrics& metrics = calls.fakes.metrics.grpc;
  EXPECT_EQ(metrics.requests_answered.value(), 3U);
  EXPECT_EQ(metrics.disconnects.value(), 3U);
  EXPECT_TRUE(calls.is_drained());
}

TEST_F(StreamRulesTest, answers_what_was_asked_before_it_stops) {
  calls.fakes.inference.hold();
  ScriptedStream& stream = begin();
  stream.say(asked("a"));
  calls.thread.round();
  calls.stop();
  stream.say(asked("b"));
  calls.fakes.inference.release();
  calls.thread.round();
  stream.take_all();
  EXPECT_EQ(ids_of(stream).front(), "a");
  EXPECT_EQ(stream.code(), "14");
  EXPECT_TRUE(calls.is_drained());
}

TEST_F(StreamRulesTest, requests_behind_the_deadline_are_late_from_now_on) {
  ScriptedStream::Fields fields = ScriptedCalls::fields_of(kStream);
  fields[Http2Field::kTimeout] = "1S";
  ScriptedStream& stream = calls.begin(fields);
  stream.say(asked("in time"));
  calls.thread.round();
  EXPECT_EQ(calls.fakes.inference.last_deadline(), calls.clock.now() + std::chrono::seconds(1));
  calls.clock.advance(std::chrono::seconds(5));
  calls.check_time();
  stream.say(asked("late"));
  calls.thread.round();
  EXPECT_EQ(calls.fakes.inference.last_deadline(), calls.clock.now());
  stream.end();
  stream.take_all();
  EXPECT_EQ(stream.code(), "0") << "what runs is worth its answer";
}

TEST_F(StreamRulesTest, each_message_may_be_compressed_or_not) {
  ScriptedStream::Fields fields = ScriptedCalls::fields_of(kStream);
  fields[Http2Field::kEncoding] = "gzip";
  oip::ModelInferRequest large = echo_request("large");
  large.mutable_inputs(0)->set_shape(0, 500);
  large.set_raw_input_contents(0, std::string(8'000, '\1'));
  MessageBytes small(calls.memory);
  ASSERT_TRUE(append_compressed(bytes_of(large.SerializeAsString()), MessageCoding::kGzip, small));
  ScriptedStream& stream = calls.begin(fields);
  stream.say(framed(small.text(), true) + asked("plain"));
  stream.end();
  calls.thread.round();
  stream.take_all();
  EXPECT_EQ(stream.head.at("grpc-encoding"), "gzip");
  EXPECT_EQ(stream.body.front(), '\1');
  EXPECT_EQ(stream.messages().size(), 2U);
  EXPECT_EQ(stream.code(), "0");
}

TEST_F(StreamRulesTest, ends_without_a_message_where_nothing_was_asked) {
  ScriptedStream& stream = begin();
  stream.end();
  stream.take_all();
  EXPECT_TRUE(stream.has_body_only_head);
  EXPECT_EQ(stream.code(), "0");
}

TEST_F(StreamRulesTest, goes_on_after_a_bad_request) {
  oip::ModelInferRequest bad = echo_request("bad");
  bad.mutable_inputs(0)->set_datatype("FP33");
  ScriptedStream& stream = begin();
  stream.say(framed(bad.SerializeAsString()) + framed("\xff\xff") + asked("good"));
  stream.end();
  calls.thread.round();
  stream.take_all();
  ASSERT_EQ(stream.messages().size(), 3U);
  EXPECT_EQ(ids_of(stream)[2], "good");
  EXPECT_EQ(stream.code(), "0");
  EXPECT_EQ(calls.fakes.metrics.grpc.client_errors.value(), 2U);
}

}  // namespace
}  // namespace muster::testing
