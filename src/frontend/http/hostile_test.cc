// SPDX-License-Identifier: Apache-2.0
// What clients do to a server that they do not wish well, and what it does then.
#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "frontend/http/message/content_coding.h"
#include "frontend/http/testing/running_frontend.h"

namespace muster {
namespace {

using testing::get;
using testing::infer_binary;
using testing::infer_json;
using testing::post;
using testing::RawClient;
using testing::RawReply;
using testing::RunningFrontend;

TEST(HostileTest, one_broken_request_ends_its_connection_alone) {
  RunningFrontend server;
  ASSERT_TRUE(server.start().ok());
  RawClient good(server.port());
  EXPECT_EQ(good.send(infer_json("a")).reply().status, 200);
  for (const std::string_view bytes :
       {"nonsense\r\n\r\n", "GET / HTTP/1.1\n\n", "\n",
        "POST /v2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /v2 HTTP/1.1\r\nHost: h\r\nX: y\r\n z\r\n\r\n"}) {
    RawClient bad(server.port());
    const RawReply reply = bad.send(bytes).reply();
    EXPECT_EQ(reply.status, 400) << bytes;
    EXPECT_TRUE(reply.body.starts_with(R"({"error":")")) << reply.body;
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_TRUE(bad.is_closed()) << bytes;
  }
  EXPECT_EQ(good.send(infer_json("b")).reply().status, 200);
}

TEST(HostileTest, what_follows_a_refused_request_is_never_read_as_one) {
  RunningFrontend server;
  ASSERT_TRUE(server.start().ok());
  RawClient client(server.port());
  client.send(
      "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n" +
      infer_json("smuggled"));
  EXPECT_EQ(client.reply().status, 413);
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(server.fakes.inference.asked(), 0U);
}

TEST(HostileTest, holds_its_limits_of_heads_and_bodies) {
  RunningFrontend server;
  server.fakes.limits.max_header_bytes = 1000;
  server.fakes.limits.max_body_bytes = 1000;
  server.fakes.limits.max_decompressed_bytes = 2000;
  ASSERT_TRUE(server.start().ok());
  EXPECT_EQ(server.ask(get("/v2", "X: " + std::string(2000, 'x') + "\r\n")).status, 431);
  EXPECT_EQ(server.ask(post("/v2/models/echo/infer", std::string(1001, ' '))).status, 413);
  const std::string zeros(100'000, '\0');
  const auto part = std::as_bytes(std::span(zeros));
  const std::string bomb = compress(Coding::kGzip, std::span(&part, 1)).value();
  EXPECT_EQ(server.ask(post("/v2/models/echo/infer", bomb, "Content-Encoding: gzip\r\n")).status,
            413);
  EXPECT_EQ(
      server.ask(post("/v2/models/echo/infer", "not gzip", "Content-Encoding: gzip\r\n")).status,
      400);
  EXPECT_EQ(server.ask(post("/v2/models/echo/infer", "x", "Content-Encoding: br\r\n")).status, 501);
}

TEST(HostileTest, takes_little_where_there_is_no_tensor) {
  RunningFrontend server;
  server.fakes.limits.max_control_bytes = 5000;
  ASSERT_TRUE(server.start().ok());
  const std::string large = R"({"log_info":true})" + std::string(6000, ' ');
  const auto part = std::as_bytes(std::span(large));
  const std::string packed = compress(Coding::kGzip, std::span(&part, 1)).value();
  ASSERT_LT(packed.size(), 5000U);
  for (const std::string target : {"/v2/logging", "/v2/repository/index"}) {
    EXPECT_EQ(server.ask(post(target, large)).status, 413) << target;
    EXPECT_EQ(server.ask(post(target, packed, "Content-Encoding: gzip\r\n")).status, 413) << target;
    EXPECT_EQ(server.ask(post(target, large.substr(0, 5000))).status, 200) << target;
  }
  // Pictures and tensors have the other limit.
  const std::vector<float> values(4000);
  EXPECT_EQ(server.ask(infer_binary(values)).status, 200);
}

TEST(HostileTest, a_client_that_leaves_takes_its_waiting_requests_along) {
  RunningFrontend server;
  ASSERT_TRUE(server.start().ok());
  server.fakes.inference.hold();
  RawClient orderly(server.port());
  RawClient abrupt(server.port());
  orderly.send(infer_json("a") + infer_json("b"));
  abrupt.send(infer_json("c"));
  server.fakes.inference.wait_until_held(3);
  orderly.leave();
  abrupt.leave_abruptly();
  server.fakes.inference.wait_until_cancelled(3);
  EXPECT_EQ(server.fakes.metrics.http.disconnects.value(), 3U);
  EXPECT_TRUE(server->drain(std::chrono::seconds(20)));
  EXPECT_EQ(server.fakes.metrics.http.requests_answered.value(), 3U);
}

TEST(HostileTest, a_client_that_only_closed_its_half_gets_what_needs_no_waiting) {
  RunningFrontend server;
  ASSERT_TRUE(server.start().ok());
  server.fakes.inference.hold();
  RawClient client(server.port());
  client.send(get("/v2/health/live") + infer_json("a"));
  server.fakes.inference.wait_until_held(1);
  client.send(get("/v2/health/live"));
  client.end_sending();
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(client.reply().status, 499);
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_TRUE(client.is_closed());
}

TEST(HostileTest, an_answer_that_comes_after_its_client_harms_nobody) {
  RunningFrontend server;
  ASSERT_TRUE(server.start().ok());
  server.fakes.inference.hold();
  RawClient client(server.port());
  client.send(infer_json("a", "Connection: close\r\n") + "trailing nonsense");
  server.fakes.inference.wait_until_held(1);
  server.fakes.inference.release();
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_TRUE(client.is_closed());
}

TEST(HostileTest, reads_no_more_than_the_pipeline_may_hold) {
  RunningFrontend server;
  server.fakes.limits.max_pipelined_requests = 4;
  ASSERT_TRUE(server.start().ok());
  server.fakes.inference.hold();
  RawClient client(server.port());
  for (int i = 0; i < 50; ++i)
    client.send(infer_json(std::to_string(i)));
  server.fakes.inference.wait_until_held(4);
  EXPECT_EQ(server.ask(get("/v2/health/live")).status, 200);  // a round later
  EXPECT_EQ(server.fakes.inference.asked(), 4U);
  server.fakes.inference.release();
  for (int i = 0; i < 50; ++i) {
    EXPECT_NE(client.reply().body.find("\"id\":\"" + std::to_string(i) + "\""), std::string::npos);
  }
}

// Time stands still until the test moves it; the server looks at it every tenth of a second.
class SlowClientTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start().ok()); }
  // Until all that was sent has been read: another connection's reply is from a later round.
  void settle() { EXPECT_EQ(server_.ask(get("/v2/health/live")).status, 200); }
  FakeClock clock_;
  RunningFrontend server_{clock_};
};

TEST_F(SlowClientTest, an_idle_connection_is_closed_in_the_end) {
  RawClient client(server_.port());
  EXPECT_EQ(client.send(infer_json("a")).reply().status, 200);
  clock_.advance(server_.fakes.limits.idle_timeout - std::chrono::seconds(1));
  EXPECT_EQ(client.send(infer_json("b")).reply().status, 200);
  clock_.advance(server_.fakes.limits.idle_timeout);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(SlowClientTest, a_request_that_comes_too_slowly_is_refused) {
  for (const std::string& part :
       {std::string("POST /v2/mod"), infer_json("x").substr(0, infer_json("x").size() - 1)}) {
    RawClient client(server_.port());
    client.send(part);
    settle();
    clock_.advance(server_.fakes.limits.receive_timeout);
    EXPECT_EQ(client.reply().status, 408);
    EXPECT_TRUE(client.is_closed());
  }
}

TEST_F(SlowClientTest, trickling_does_not_extend_the_time_of_a_request) {
  RawClient client(server_.port());
  const std::string request = infer_json("x");
  client.send(request.substr(0, 10));
  settle();
  clock_.advance(server_.fakes.limits.receive_timeout / 2);
  client.send(request.substr(10, 10));
  settle();
  clock_.advance(server_.fakes.limits.receive_timeout / 2);
  EXPECT_EQ(client.reply().status, 408);
}

TEST_F(SlowClientTest, a_request_that_waits_for_its_answer_has_all_the_time) {
  server_.fakes.inference.hold();
  RawClient client(server_.port());
  client.send(infer_json("x"));
  server_.fakes.inference.wait_until_held(1);
  clock_.advance(std::chrono::hours(24));
  settle();
  server_.fakes.inference.release();
  EXPECT_EQ(client.reply().status, 200);
}

TEST_F(SlowClientTest, a_reply_that_nobody_reads_is_given_up) {
  RawClient client(server_.port());
  // More than the sockets' buffers hold.
  const std::vector<float> values(8'000'000);
  client.send(infer_binary(values));
  settle();
  const TransportMetrics& metrics = server_.fakes.metrics.http;
  while (metrics.requests_answered.value() < metrics.requests.value()) {
    clock_.advance(server_.fakes.limits.send_timeout);
    settle();
  }
  std::string received;
  EXPECT_LT(client.reply().body.size(), values.size() * sizeof(float));
}

// A client that always takes something would hold a large reply's memory for as long as it likes.
TEST(HostileTest, a_reply_that_is_read_too_slowly_is_given_up) {
  FakeClock clock;
  RunningFrontend server(clock);
  server.fakes.limits.send_timeout = std::chrono::seconds(30);
  server.fakes.limits.min_send_rate = std::size_t{1} << 20;
  ASSERT_TRUE(server.start().ok());
  const std::vector<float> values(std::size_t{12} << 20);  // 48 MiB: 78 seconds
  RawClient client(server.port());
  client.send(infer_binary(values));
  const TransportMetrics& metrics = server.fakes.metrics.http;
  const auto is_answered = [&] {
    EXPECT_EQ(server.ask(get("/v2/health/live")).status, 200);  // a round later
    return metrics.requests_answered.value() == metrics.requests.value();
  };
  constexpr std::size_t kStep = std::size_t{4} << 20;
  for (int step = 0; step < 3; ++step) {
    EXPECT_EQ(client.receive_bytes(kStep), kStep);
    clock.advance(std::chrono::seconds(20));
    EXPECT_FALSE(is_answered()) << step;
  }
  EXPECT_EQ(client.receive_bytes(kStep), kStep);
  clock.advance(std::chrono::seconds(20));
  // The server looks every tenth of a second, by its own clock.
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  bool answered = false;
  while (!answered && std::chrono::steady_clock::now() < patience)
    answered = is_answered();
  EXPECT_TRUE(answered);
}

TEST(HostileTest, more_connections_than_allowed_are_refused_and_told) {
  RunningFrontend server;
  server.fakes.limits.max_connections = 2;
  ASSERT_TRUE(server.start().ok());
  RawClient first(server.port());
  RawClient second(server.port());
  EXPECT_EQ(first.send(infer_json("a")).reply().status, 200);
  EXPECT_EQ(second.send(infer_json("b")).reply().status, 200);
  RawClient third(server.port());
  const RawReply refused = third.reply();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_TRUE(third.is_closed());
  EXPECT_EQ(server.fakes.metrics.http.connections_refused.value(), 1U);
  first.leave();
  while (server.fakes.metrics.http.connections_closed.value() == 0)
    std::this_thread::yield();
  RawClient fourth(server.port());
  EXPECT_EQ(fourth.send(infer_json("c")).reply().status, 200);
}

TEST(HostileTest, the_server_can_end_while_it_runs_requests_of_clients_that_left) {
  RunningFrontend server;
  ASSERT_TRUE(server.start().ok());
  server.fakes.inference.hold();
  server.fakes.inference.ignore_cancels();
  RawClient client(server.port());
  client.send(infer_json("a") + infer_json("b"));
  server.fakes.inference.wait_until_held(2);
  client.leave_abruptly();
  while (server.fakes.metrics.http.connections_closed.value() == 0)
    std::this_thread::yield();
  server.stop();
  server.fakes.inference.release();
}

TEST(HostileTest, the_server_can_end_while_answers_are_still_to_come) {
  auto server = std::make_unique<RunningFrontend>();
  ASSERT_TRUE(server->start().ok());
  server->fakes.inference.hold();
  RawClient client(server->port());
  client.send(infer_json("a") + infer_json("b"));
  server->fakes.inference.wait_until_held(2);
  std::atomic<bool> stopped = false;
  // They come while it stops, and after.
  std::thread answers([&] {
    while (!stopped)
      server->fakes.inference.release();
  });
  server->stop();
  stopped = true;
  answers.join();
  server->fakes.inference.release();
  EXPECT_EQ(server->fakes.metrics.http.connections_accepted.value(),
            server->fakes.metrics.http.connections_closed.value());
}

}  // namespace
}  // namespace muster
