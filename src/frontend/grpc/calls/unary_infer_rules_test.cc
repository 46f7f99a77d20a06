// SPDX-License-Identifier: Apache-2.0
// Calls of ModelInfer step by step: deadlines, clients that go, calls that are used again.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "frontend/grpc/testing/echo_request.h"
#include "frontend/grpc/testing/scripted_stream.h"

namespace muster::testing {
namespace {

using std::chrono::milliseconds;

constexpr char kInfer[] = "/inference.GRPCInferenceService/ModelInfer";

struct UnaryInferRulesTest : ::testing::Test {
  ScriptedCalls calls;

  // A call that has been asked and handed in.
  ScriptedStream& ask(const std::string& id = "",
                      ScriptedStream::Fields fields = ScriptedCalls::fields_of(kInfer)) {
    ScriptedStream& stream = calls.begin(std::move(fields));
    stream.say(framed(echo_request(id).SerializeAsString()));
    stream.end();
    return stream;
  }
  static oip::ModelInferResponse response_of(const ScriptedStream& stream) {
    oip::ModelInferResponse response;
    EXPECT_EQ(stream.messages().size(), 1U);
    EXPECT_TRUE(response.ParseFromString(stream.messages().at(0)));
    return response;
  }
};

TEST_F(UnaryInferRulesTest, tells_where_time_went_in_the_trailers) {
  ScriptedStream& stream = ask("an id");
  calls.thread.round();
  stream.take_all();
  EXPECT_EQ(response_of(stream).id(), "an id");
  EXPECT_EQ(
      stream.trailers.at("muster-timing"),
      R"(queue;dur=0.012, batch;dur=0.003;desc="rows=8", compute;dur=0.120;desc="version=3")");
}

TEST_F(UnaryInferRulesTest, all_calls_of_a_round_are_handed_in_at_its_end) {
  calls.fakes.inference.hold();
  for (int call = 0; call < 3; ++call)
    ask();
  EXPECT_EQ(calls.fakes.inference.asked(), 0U);
  calls.thread.round();
  EXPECT_EQ(calls.fakes.inference.asked(), 3U);
}

TEST_F(UnaryInferRulesTest, tells_when_a_request_came_and_when_its_answer_went) {
  ask();
  const TimePoint came = calls.clock.now();
  calls.thread.round();
  EXPECT_EQ(calls.fakes.inference.last_received(), came);
  EXPECT_EQ(calls.fakes.inference.deliveries().last(), came - TimePoint());
}

TEST_F(UnaryInferRulesTest, counts_the_deadline_from_the_head_on) {
  ScriptedStream::Fields fields = ScriptedCalls::fields_of(kInfer);
  fields[Http2Field::kTimeout] = "250m";
  ScriptedStream& stream = calls.begin(fields);
  const TimePoint deadline = calls.clock.now() + milliseconds(250);
  calls.clock.advance(milliseconds(100));
  stream.say(framed(echo_request().SerializeAsString()));
  stream.end();
  calls.thread.round();
  EXPECT_EQ(calls.fakes.inference.last_deadline(), deadline);
  stream.take_all();
  EXPECT_EQ(stream.code(), "0");
}

TEST_F(UnaryInferRulesTest, says_whose_deadline_has_passed) {
  calls.fakes.inference.refuse(Status(StatusCode::kDeadlineExceeded, "too late"));
  ScriptedStream::Fields fields = ScriptedCalls::fields_of(kInfer);
  fields[Http2Field::kTimeout] = "1S";
  ScriptedStream& of_the_call = ask("", fields);
  ScriptedStream& of_the_request = ask();
  calls.thread.round();
  of_the_call.take_all();
  of_the_request.take_all();
  EXPECT_EQ(of_the_call.code(), "4");
  EXPECT_EQ(of_the_request.code(), "14");
}

TEST_F(UnaryInferRulesTest, does_not_run_what_was_cancelled_before_its_round_has_ended) {
  ask().close(Http2Closing::kByClient);
  calls.thread.round();
  EXPECT_EQ(calls.fakes.inference.asked(), 0U);
  EXPECT_TRUE(calls.is_drained());
  EXPECT_EQ(calls.fakes.metrics.grpc.disconnects.value(), 1U);
}

TEST_F(UnaryInferRulesTest, cancels_the_request_of_a_client_that_goes) {
  calls.fakes.inference.hold();
  for (const Http2Closing closing : {Http2Closing::kByClient, Http2Closing::kByServer}) {
    ScriptedStream& stream = ask();
    calls.thread.round();
    stream.close(closing);
    EXPECT_FALSE(calls.is_drained()) << "its answer has not come home";
    calls.thread.round();
    EXPECT_TRUE(calls.is_drained());
  }
  calls.fakes.inference.wait_until_cancelled(2);
  EXPECT_EQ(calls.fakes.metrics.grpc.requests_answered.value(), 2U);
}

TEST_F(UnaryInferRulesTest, is_waited_for_until_its_answer_has_gone) {
  ScriptedStream& stream = ask();
  calls.thread.round();
  EXPECT_TRUE(stream.is_finished);
  EXPECT_FALSE(calls.is_drained());
  stream.take_all();
  EXPECT_TRUE(calls.is_drained());
}

TEST_F(UnaryInferRulesTest, goes_on_while_the_server_stops) {
  calls.fakes.inference.hold();
  ScriptedStream& early = ask();
  calls.thread.round();
  calls.stop();
  ScriptedStream& late = ask();
  late.take_all();
  EXPECT_EQ(late.code(), "14");
  calls.fakes.inference.release();
  calls.thread.round();
  early.take_all();
  EXPECT_EQ(early.code(), "0");
  EXPECT_TRUE(calls.is_drained());
}

TEST_F(UnaryInferRulesTest, an_answer_after_the_thread_has_gone_is_dropped) {
  {
    ScriptedCalls gone;
    gone.fakes.inference.hold();
    gone.fakes.inference.ignore_cancels();
    ScriptedStream& stream = gone.begin(kInfer);
    stream.say(framed(echo_request().SerializeAsString()));
    stream.end();
    gone.thread.round();
  }
}

TEST_F(UnaryInferRulesTest, calls_are_used_again_with_nothing_left_of_the_last) {
  for (int number = 0; number < 50; ++number) {
    if (number % 5 == 1) {
      calls.make(ScriptedCalls::fields_of(kInfer), framed("\xff\xff"));
    } else if (number % 5 == 2) {
      ask("gone").close(Http2Closing::kByClient);
      calls.thread.round();
    } else {
      ScriptedStream& stream = ask(std::to_string(number));
      calls.thread.round();
      stream.take_all();
      EXPECT_EQ(stream.code(), "0");
      EXPECT_EQ(response_of(stream).id(), std::to_string(number));
    }
  }
  EXPECT_TRUE(calls.is_drained());
}

TEST_F(UnaryInferRulesTest, gives_back_the_memory_of_large_messages) {
  oip::ModelInferRequest request = echo_request();
  request.mutable_inputs(0)->set_shape(0, 100'000);
  request.set_raw_input_contents(0, std::string(1'600'000, '\1'));
  const ScriptedStream& stream =
      calls.make(ScriptedCalls::fields_of(kInfer), framed(request.SerializeAsString()));
  EXPECT_EQ(stream.code(), "0");
  EXPECT_EQ(calls.memory->taken(), 0U);
}

TEST_F(UnaryInferRulesTest, says_so_where_there_is_no_memory_for_the_answer) {
  oip::ModelInferRequest request = echo_request();
  request.mutable_inputs(0)->set_shape(0, 1'000);
  request.set_raw_input_contents(0, std::string(16'000, '\1'));
  calls.memory = std::make_shared<MemoryBudget>(20'000);
  const ScriptedStream& stream =
      calls.make(ScriptedCalls::fields_of(kInfer), framed(request.SerializeAsString()));
  EXPECT_EQ(stream.code(), "14") << stream.words();
}

TEST_F(UnaryInferRulesTest, reads_no_message_of_somebody_without_a_right) {
  calls.fakes.require_tokens("infer the-token-of-readers\nadmin the-token-of-chiefs\n");
  ScriptedStream& nobody = calls.begin(kInfer);
  EXPECT_TRUE(nobody.is_finished);
  nobody.say(framed("nonsense"));
  nobody.end();
  nobody.take_all();
  EXPECT_EQ(nobody.code(), "16");
  ScriptedStream::Fields fields = ScriptedCalls::fields_of(kInfer);
  fields[Http2Field::kAuthorization] = "Bearer the-token-of-chiefs";
  EXPECT_EQ(calls.make(fields, "").code(), "7");
  fields[Http2Field::kAuthorization] = "bearer the-token-of-readers";
  EXPECT_EQ(calls.make(fields, framed(echo_request().SerializeAsString())).code(), "0");
  fields[Http2Field::kAuthorization] = "the-token-of-readers";
  EXPECT_EQ(calls.make(fields, "").code(), "16");
}

TEST_F(UnaryInferRulesTest, a_client_that_does_not_take_its_answer_is_not_waited_for) {
  ScriptedStream& stream = ask();
  calls.thread.round();
  stream.close(Http2Closing::kSendTimedOut);
  EXPECT_TRUE(calls.is_drained());
}

}  // namespace
}  // namespace muster::testing
