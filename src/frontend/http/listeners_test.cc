// SPDX-License-Identifier: Apache-2.0
// Where the server listens, who may ask there, and how it stops.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <future>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/http/testing/running_frontend.h"

namespace muster {
namespace {

using testing::get;
using testing::infer_json;
using testing::post;
using testing::RawClient;
using testing::RawReply;
using testing::RunningFrontend;

std::string temporary_path(std::string_view name) {
  return ::testing::TempDir() + std::string(name) + std::to_string(::getpid());
}

TEST(ListenersTest, an_address_in_use_or_no_address_is_named) {
  RunningFrontend first;
  ASSERT_TRUE(first.start().ok());
  RunningFrontend second;
  second.options.listeners[0].port = first.port();
  const Status taken = second.start();
  EXPECT_EQ(taken.code(), StatusCode::kUnavailable);
  EXPECT_NE(taken.message().find("127.0.0.1:" + std::to_string(first.port())), std::string::npos)
      << taken.to_string();
  second.options.listeners[0].address = "localhost";
  EXPECT_EQ(second.start().code(), StatusCode::kInvalidArgument);
  second.options.listeners.clear();
  EXPECT_FALSE(second.start().ok());
}

TEST(ListenersTest, listens_on_ipv6) {
  RunningFrontend server;
  server.options.listeners[0].address = "[::1]";
  const Status started = server.start();
  if (!started.ok()) GTEST_SKIP() << started.to_string();
  EXPECT_GT(server.port(), 0);
}

TEST(ListenersTest, the_metrics_listener_has_metrics_and_health_alone) {
  RunningFrontend server;
  server.options.listeners[0].kind = HttpListener::Kind::kMetrics;
  ASSERT_TRUE(server.start().ok());
  const RawReply metrics = server.ask(get("/metrics"));
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.body, "muster_up 1\n");
  EXPECT_TRUE(metrics.header("Content-Type").starts_with("text/plain; version=0.0.4"));
  EXPECT_EQ(server.ask(get("/v2/health/ready")).status, 200);
  EXPECT_EQ(server.ask(get("/v2")).status, 404);
  EXPECT_EQ(server.ask(infer_json("x")).status, 404);
}

TEST(ListenersTest, says_when_it_is_not_ready) {
  RunningFrontend server;
  server.fakes.models.is_ready = false;
  ASSERT_TRUE(server.start().ok());
  EXPECT_EQ(server.ask(get("/v2/health/ready")).status, 503);
  EXPECT_EQ(server.ask(get("/v2/health/live")).status, 200);
}

TEST(ListenersTest, serves_a_unix_domain_socket_for_its_owner_alone) {
  const std::string path = temporary_path("socket");
  RunningFrontend server;
  server.options.listeners[0] = {HttpListener::Kind::kInference, path, true, 0, {}};
  ASSERT_TRUE(server.start().ok());
  EXPECT_EQ(server.port(), 0);
  struct stat file {};
  ASSERT_EQ(::lstat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  RawClient client(path);
  EXPECT_EQ(client.send(infer_json("x")).reply().status, 200);
  RunningFrontend second;
  second.options.listeners = server.options.listeners;
  EXPECT_EQ(second.start().code(), StatusCode::kUnavailable);
  EXPECT_EQ(client.send(infer_json("y")).reply().status, 200);
  server.stop();
  EXPECT_NE(::lstat(path.c_str(), &file), 0);
}

TEST(ListenersTest, replaces_the_socket_of_a_server_that_is_gone_and_no_other_file) {
  const std::string path = temporary_path("stale");
  const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(stale, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(stale);
  RunningFrontend server;
  server.options.listeners[0] = {HttpListener::Kind::kInference, path, true, 0, {}};
  EXPECT_TRUE(server.start().ok());
  server.stop();
  std::ofstream(path) << "precious";
  EXPECT_EQ(server.start().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  std::remove(path.c_str());
}

TEST(ListenersTest, asks_for_tokens_before_anything_else) {
  RunningFrontend server;
  server.fakes.require_tokens("infer infer-token-0123456789\nadmin admin-token-0123456789\n");
  ASSERT_TRUE(server.start().ok());
  const auto bearer = [](std::string_view token) {
    return "Authorization: Bearer " + std::string(token) + "\r\n";
  };
  EXPECT_EQ(server.ask(get("/v2/health/live")).status, 200);
  const RawReply unknown = server.ask(infer_json("x"));
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(unknown.header("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(server.ask(infer_json("x", bearer("wrong"))).status, 401);
  EXPECT_EQ(server.ask(infer_json("x", bearer("admin-token-0123456789"))).status, 403);
  EXPECT_EQ(server.ask(infer_json("x", bearer("infer-token-0123456789"))).status, 200);
  EXPECT_EQ(
      server.ask(post("/v2/repository/models/echo/load", "", bearer("infer-token-0123456789")))
          .status,
      403);
  EXPECT_EQ(
      server.ask(post("/v2/repository/models/echo/load", "", bearer("admin-token-0123456789")))
          .status,
      200);
  EXPECT_EQ(server.ask(get("/v2/logging", bearer("infer-token-0123456789"))).status, 200);
  EXPECT_EQ(server.ask(post("/v2/logging", "{}", bearer("infer-token-0123456789"))).status, 403);
  // Also before its body is looked at, or sent.
  RawClient large(server.port());
  large.send("POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n");
  EXPECT_EQ(large.reply().status, 401);
  EXPECT_TRUE(large.is_closed());
  EXPECT_EQ(server.fakes.inference.asked(), 1U);
}

TEST(ListenersTest, beyond_loopback_nobody_is_an_administrator_without_a_token) {
  RunningFrontend server;
  server.options.listeners[0].address = "0.0.0.0";
  ASSERT_TRUE(server.start().ok());
  EXPECT_EQ(server.ask(post("/v2/repository/models/echo/load")).status, 403);
  EXPECT_EQ(server.ask(infer_json("x")).status, 200);
}

TEST(ListenersTest, logs_a_line_for_each_request) {
  const std::string path = temporary_path("access.log");
  RunningFrontend server;
  server.fakes.access_log = AccessLog::open(path).value();
  ASSERT_TRUE(server.start().ok());
  EXPECT_EQ(server.ask(infer_json("my-id")).status, 200);
  EXPECT_EQ(server.ask(get("/no\"where")).status, 404);
  EXPECT_EQ(server.ask("nonsense\r\n\r\n").status, 400);
  server.stop();
  std::ifstream stream(path);
  const std::string log{std::istreambuf_iterator<char>(stream), {}};
  std::remove(path.c_str());
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3) << log;
  for (const std::string_view part :
       {R"("request_id":"my-id","model":"echo","version":3)", R"("close_reason":"full")",
        R"("target":"/no\"where","status":404)", R"("peer":"127.0.0.1:)"}) {
    EXPECT_NE(log.find(part), std::string::npos) << part << log;
  }
}

TEST(ListenersTest, logs_a_line_also_for_each_request_that_nobody_waits_for) {
  const std::string path = temporary_path("lost.log");
  RunningFrontend server;
  server.fakes.access_log = AccessLog::open(path).value();
  ASSERT_TRUE(server.start().ok());
  const TransportMetrics& metrics = server.fakes.metrics.http;
  server.fakes.inference.hold();
  server.fakes.inference.ignore_cancels();
  RawClient reset(server.port());
  reset.send(get("/v2/health/live") + infer_json("reset-1") + infer_json("reset-2"));
  EXPECT_EQ(reset.reply().status, 200);
  RawClient partly(server.port());
  const std::string request = infer_json("never-read");
  partly.send(request.substr(0, request.size() - 1));
  server.fakes.inference.wait_until_held(2);
  while (metrics.requests.value() < 4)
    std::this_thread::yield();
  reset.leave_abruptly();
  partly.leave_abruptly();
  while (metrics.connections_closed.value() < 2)
    std::this_thread::yield();
  RawClient last(server.port());
  last.send(infer_json("stopped"));
  server.fakes.inference.wait_until_held(3);
  server.stop();
  server.fakes.inference.release();  // which comes home to nobody
  std::ifstream stream(path);
  const std::string log{std::istreambuf_iterator<char>(stream), {}};
  std::remove(path.c_str());
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 5) << log;
  const auto lines_with = [&log](std::string_view one, std::string_view other) {
    std::istringstream lines(log);
    int found = 0;
    for (std::string line; std::getline(lines, line);) {
      found += line.find(one) != std::string::npos && line.find(other) != std::string::npos &&
                       line.find(R"("peer":"127.0.0.1:)") != std::string::npos
                   ? 1
                   : 0;
    }
    return found;
  };
  EXPECT_EQ(lines_with("reset-1", R"("status":499)"), 1) << log;
  EXPECT_EQ(lines_with("reset-2", R"("status":499)"), 1) << log;
  EXPECT_EQ(lines_with("/v2/models/echo/infer", R"("status":499)"), 3) << log;
  EXPECT_EQ(lines_with("stopped", R"("status":503)"), 1) << log;
}

TEST(ListenersTest, stops_without_losing_a_request) {
  RunningFrontend server;
  ASSERT_TRUE(server.start().ok());
  server.fakes.inference.hold();
  RawClient idle(server.port());
  EXPECT_EQ(idle.send(get("/v2/health/live")).reply().status, 200);
  RawClient waiting(server.port());
  waiting.send(infer_json("a"));
  RawClient half(server.port());
  const std::string request = infer_json("b");
  half.send(request.substr(0, request.size() - 1));
  server.fakes.inference.wait_until_held(1);
  server->stop_accepting();
  EXPECT_TRUE(idle.is_closed());
  EXPECT_FALSE(RawClient(server.port()).connected());
  EXPECT_FALSE(server->drain(std::chrono::milliseconds(1)));
  half.send(request.substr(request.size() - 1));
  server.fakes.inference.wait_until_held(2);
  server.fakes.inference.release();
  for (RawClient* client : {&waiting, &half}) {
    const RawReply reply = client->reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_TRUE(client->is_closed());
  }
  EXPECT_TRUE(server->drain(std::chrono::seconds(20)));
}

TEST(ListenersTest, counts_connections_that_are_on_their_way_to_a_busy_thread) {
  RunningFrontend server;
  server.options.threads = 2;
  server.fakes.limits.max_connections = 4;
  std::promise<void> busy;
  std::promise<void> goes_on;
  server.fakes.models.at_index = [&] {
    busy.set_value();
    goes_on.get_future().wait();
  };
  ASSERT_TRUE(server.start().ok());
  const std::string alive = get("/v2/health/live");
  // They go to the threads in turn.
  RawClient first(server.port());
  RawClient second(server.port());
  EXPECT_EQ(first.send(alive).reply().status, 200);
  second.send(post("/v2/repository/index"));
  busy.get_future().wait();
  RawClient third(server.port());
  RawClient fourth(server.port());
  EXPECT_EQ(third.send(alive).reply().status, 200);
  RawClient one_too_many(server.port());
  EXPECT_EQ(one_too_many.reply().status, 503);
  goes_on.set_value();
  EXPECT_EQ(second.reply().status, 200);
  EXPECT_EQ(fourth.send(alive).reply().status, 200);
  EXPECT_EQ(server.fakes.metrics.http.connections_refused.value(), 1U);
}

TEST(ListenersTest, says_once_that_descriptors_are_short_and_accepts_again_when_they_are_not) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan, which is on beside ASan, opens pipes to look at objects; see make tsan";
#endif
  RunningFrontend server;
  ASSERT_TRUE(server.start().ok());
  RawClient steady(server.port());
  EXPECT_EQ(steady.send(get("/v2/health/live")).reply().status, 200);
  ::testing::internal::CaptureStderr();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // Enough for the client's socket alone, which waits to be accepted.
  const int lowest = ::dup(0);
  ::close(lowest);
  rlimit scarce = before;
  scarce.rlim_cur = static_cast<rlim_t>(lowest) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &scarce), 0);
  RawClient patient(server.port());
  // As long as several attempts take, a tenth of a second each: who answers has got so far.
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(110);
    while (std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    EXPECT_EQ(steady.send(get("/v2/health/live")).reply().status, 200);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(patient.send(get("/v2/health/live")).reply().status, 200);
  const std::string log = ::testing::internal::GetCapturedStderr();
  const std::size_t told = log.find("no more connections can be accepted");
  EXPECT_NE(told, std::string::npos) << log;
  EXPECT_EQ(log.find("no more connections", told + 1), std::string::npos) << log;
}

TEST(ListenersTest, a_certificate_that_is_none_is_named) {
  RunningFrontend server;
  server.options.listeners[0].tls = {"/nowhere.pem", "/nowhere.key", ""};
  const Status started = server.start();
  EXPECT_EQ(started.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(started.message().find("/nowhere.pem"), std::string_view::npos) << started.to_string();
}

}  // namespace
}  // namespace muster
