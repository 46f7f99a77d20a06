// SPDX-License-Identifier: Apache-2.0
// gRPC's own services step by step: watching health, and questions of reflection.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "frontend/grpc/testing/scripted_stream.h"
#include "grpc_health.pb.h"
#include "grpc_reflection_v1.pb.h"

namespace muster::testing {
namespace {

namespace health = ::grpc::health::v1;
namespace reflection = ::grpc::reflection::v1;
using Answers = std::vector<health::HealthCheckResponse::ServingStatus>;
constexpr auto kServing = health::HealthCheckResponse::SERVING;
constexpr auto kNotServing = health::HealthCheckResponse::NOT_SERVING;

struct ServiceRulesTest : ::testing::Test {
  ScriptedCalls calls;

  ScriptedStream& watch(const std::string& service = "") {
    health::HealthCheckRequest request;
    request.set_service(service);
    ScriptedStream& stream = calls.begin("/grpc.health.v1.Health/Watch");
    stream.say(framed(request.SerializeAsString()));
    stream.end();
    return stream;
  }
  static Answers told(ScriptedStream& stream) {
    stream.take_sends();
    Answers answers;
    for (const std::string& message : stream.messages()) {
      health::HealthCheckResponse response;
      EXPECT_TRUE(response.ParseFromString(message));
      answers.push_back(response.status());
    }
    return answers;
  }
  void wait() {
    calls.clock.advance(std::chrono::milliseconds(500));
    calls.check_time();
  }
};

TEST_F(ServiceRulesTest, a_watcher_is_told_what_changes_and_nothing_twice) {
  ScriptedStream& stream = watch();
  EXPECT_EQ(told(stream), Answers{kServing});
  wait();
  wait();
  EXPECT_EQ(told(stream), Answers{kServing});
  calls.fakes.models.is_ready = false;
  wait();
  EXPECT_EQ(told(stream), (Answers{kServing, kNotServing}));
  calls.fakes.models.is_ready = true;
  wait();
  EXPECT_EQ(told(stream), (Answers{kServing, kNotServing, kServing}));
  calls.stop();
  EXPECT_EQ(told(stream).back(), kNotServing) << "at once";
  EXPECT_TRUE(calls.is_drained()) << "watchers hold up nothing";
  EXPECT_FALSE(stream.is_finished);
}

TEST_F(ServiceRulesTest, a_watcher_who_does_not_read_is_told_the_last_when_he_does) {
  ScriptedStream& stream = watch();
  calls.fakes.models.is_ready = false;
  wait();
  calls.fakes.models.is_ready = true;
  wait();
  calls.fakes.models.is_ready = false;
  EXPECT_EQ(told(stream), Answers{kServing});
  EXPECT_EQ(told(stream), (Answers{kServing, kNotServing}));
}

// They would take the memory of those who have a right to it.
TEST_F(ServiceRulesTest, what_anybody_may_ask_is_not_gathered_beyond_its_limit) {
  calls.fakes.require_tokens("infer the-token-of-readers\n");
  for (const char* path : {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
                           "/inference.GRPCInferenceService/ModelReady"}) {
    ScriptedStream& stream = calls.begin(path);
    stream.say(prefix_of(calls.fakes.limits.max_header_bytes + 1));
    EXPECT_TRUE(stream.is_finished) << path;
    stream.say(std::string(1'000'000, 'x'));
    EXPECT_LT(calls.memory->taken(), 100'000U) << path;
    stream.take_all();
    EXPECT_EQ(stream.code(), "8") << path;
  }
}

TEST_F(ServiceRulesTest, watchers_are_not_counted_and_refused_ones_are) {
  watch().close(Http2Closing::kByClient);
  EXPECT_EQ(calls.fakes.metrics.grpc.requests.value(), 0U);
  ScriptedStream& twice = calls.begin("/grpc.health.v1.Health/Watch");
  twice.say(framed("") + framed(""));
  twice.take_all();
  EXPECT_EQ(twice.code(), "3");
}

TEST_F(ServiceRulesTest, reflection_answers_question_by_question) {
  reflection::ServerReflectionRequest list;
  list.set_list_services("");
  reflection::ServerReflectionRequest none;
  none.set_file_containing_symbol("no.Such");
  const std::string both = framed(list.SerializeAsString()) + framed(none.SerializeAsString());
  ScriptedStream& stream = calls.begin("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
  stream.say(both);
  stream.end();
  EXPECT_LT(stream.consumed, both.size()) << "the second waits for the first answer to be taken";
  stream.take_all();
  EXPECT_EQ(stream.consumed, both.size());
  ASSERT_EQ(stream.messages().size(), 2U);
  reflection::ServerReflectionResponse response;
  ASSERT_TRUE(response.ParseFromString(stream.messages()[1]));
  EXPECT_EQ(response.error_response().error_code(), 5);
  EXPECT_EQ(stream.code(), "0");
  EXPECT_TRUE(calls.is_drained());
}

TEST_F(ServiceRulesTest, reflection_ends_when_the_server_stops) {
  ScriptedStream& stream =
      calls.begin("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
  calls.stop();
  stream.take_all();
  EXPECT_EQ(stream.code(), "14");
}

}  // namespace
}  // namespace muster::testing
