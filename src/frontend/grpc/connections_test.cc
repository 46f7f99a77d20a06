// SPDX-License-Identifier: Apache-2.0
// Connections of clients of every kind: how they begin and end, and how many there may be.
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/temporary_folder.h"
#include "base/testing/fake_clock.h"
#include "frontend/grpc/testing/certificates.h"
#include "frontend/grpc/testing/grpc_server.h"
#include "frontend/testing/raw_client.h"

namespace muster::testing {
namespace {

using namespace std::string_view_literals;

// What every HTTP/2 client says first: the preface and its settings, none.
constexpr std::string_view kGreeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"sv;
constexpr std::string_view kPing =
    "\0\0\10\6\0\0\0\0\0"
    "12345678"sv;

void await(const Counter& counter, std::uint64_t value) {
  while (counter.value() < value)
    std::this_thread::yield();
}

std::size_t open_files() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

struct GrpcConnectionsTest : ::testing::Test {
  explicit GrpcConnectionsTest(Clock& clock = steady_clock()) : server(clock) {}
  ~GrpcConnectionsTest() override { server.stop(); }

  grpc::Status infer(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    oip::ModelInferResponse response;
    return Oip::NewStub(channel)->ModelInfer(&context, echo_request(), &response);
  }
  std::uint16_t port() { return server.frontend().ports()[0]; }
  TransportMetrics& metrics() { return server.fakes.metrics.grpc; }

  const TemporaryFolder temporary = TemporaryFolder::make("muster-grpc").value();
  const std::filesystem::path folder = temporary.path();
  GrpcServer server;
};

TEST_F(GrpcConnectionsTest, are_counted_on_listeners_of_every_kind) {
  const Certificate authority;
  const Certificate own = Certificate::signed_by(authority);
  std::ofstream(folder / "own.pem") << own.certificate();
  std::ofstream(folder / "own.key") << own.key();
  server.options.listeners = {{},
                              {.address = (folder / "socket").string(), .unix_socket = true},
                              {.tls = {.certificate = (folder / "own.pem").string(),
                                       .key = (folder / "own.key").string()}}};
  server.start();
  grpc::SslCredentialsOptions trusting;
  trusting.pem_root_certs = authority.certificate();
  const std::shared_ptr<grpc::ChannelCredentials> credentials[] = {
      grpc::InsecureChannelCredentials(), grpc::InsecureChannelCredentials(),
      grpc::SslCredentials(trusting)};
  for (std::size_t listener = 0; listener < 3; ++listener) {
    auto channel = server.channel(listener, credentials[listener]);
    EXPECT_TRUE(infer(channel).ok());
    EXPECT_EQ(metrics().connections_accepted.value(), listener + 1);
    EXPECT_EQ(metrics().connections_closed.value(), listener);
    channel.reset();
    await(metrics().connections_closed, listener + 1);
  }
}

TEST_F(GrpcConnectionsTest, are_closed_when_the_client_breaks_off_or_talks_nonsense) {
  server.start();
  RawClient reset(port());
  reset.send(kGreeting).leave_abruptly();
  await(metrics().connections_closed, 1);
  RawClient half(port());
  half.send(kGreeting).end_sending();
  await(metrics().connections_closed, 2);
  EXPECT_TRUE(half.is_ended());
  RawClient stranger(port());
  stranger.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n, which is long enough to be looked at");
  EXPECT_TRUE(stranger.is_ended());
  await(metrics().connections_closed, 3);
}

TEST_F(GrpcConnectionsTest, are_closed_when_the_client_only_keeps_the_server_busy) {
  server.fakes.limits.max_control_frames = 5;
  server.start();
  RawClient impatient(port());
  impatient.send(kGreeting);
  for (int i = 0; i < 10; ++i)
    impatient.send(kPing);
  EXPECT_TRUE(impatient.is_ended());
  await(metrics().connections_closed, 1);
}

TEST_F(GrpcConnectionsTest, end_with_the_server) {
  server.start();
  RawClient greeted(port());
  RawClient silent(port());
  greeted.send(kGreeting);
  await(metrics().connections_accepted, 2);
  const std::uint16_t former = port();
  server.stop();
  EXPECT_TRUE(greeted.is_ended());
  EXPECT_TRUE(silent.is_ended());
  EXPECT_FALSE(RawClient(former).connected());
  EXPECT_EQ(metrics().connections_closed.value(), 2U);
}

TEST_F(GrpcConnectionsTest, over_the_limit_of_their_listener_are_refused) {
  server.fakes.limits.max_connections = 2;
  server.options.listeners.push_back(GrpcListener{});
  server.start();
  auto first = server.channel();
  const auto second = server.channel();
  EXPECT_TRUE(infer(first).ok());
  EXPECT_TRUE(infer(second).ok());
  RawClient third(port());
  EXPECT_TRUE(third.is_closed());
  EXPECT_EQ(metrics().connections_refused.value(), 1U);
  EXPECT_TRUE(infer(server.channel(1)).ok()) << "each listener has a limit of its own";
  EXPECT_TRUE(infer(second).ok());
  first.reset();
  await(metrics().connections_closed, 1);
  EXPECT_TRUE(infer(server.channel()).ok());
}

TEST_F(GrpcConnectionsTest, by_the_thousand_leave_nothing_behind) {
  server.start();
  EXPECT_TRUE(infer(server.channel()).ok());
  await(metrics().connections_closed, 1);
  const std::size_t before = open_files();
  constexpr std::uint64_t kMany = 2000;
  for (std::uint64_t i = 0; i < kMany; ++i) {
    RawClient client(port());
    if (i % 2 == 0) client.send(kGreeting);
    if (i % 3 == 0) client.leave_abruptly();
  }
  // One that had gone before it was accepted may be told to nobody.
  const auto channel = server.channel();
  EXPECT_TRUE(infer(channel).ok());
  await(metrics().connections_closed, metrics().connections_accepted.value() - 1);
  EXPECT_LT(open_files(), before + 10);
}

TEST_F(GrpcConnectionsTest, are_accepted_again_when_there_are_descriptors_again) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan, which is on beside ASan, opens pipes to look at objects; see make tsan";
#endif
  server.start();
  EXPECT_TRUE(infer(server.channel()).ok()) << "all that the client opens once is open";
  await(metrics().connections_closed, 1);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // The lowest number that is free: enough for the client's socket, which then waits.
  const int first = ::dup(0);
  ::close(first);
  rlimit scarce = before;
  scarce.rlim_cur = static_cast<rlim_t>(first) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &scarce), 0);
  RawClient patient(port());
  EXPECT_TRUE(patient.connected());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  await(metrics().connections_accepted, 2);
  EXPECT_TRUE(infer(server.channel()).ok());
}

TEST_F(GrpcConnectionsTest, name_their_client_in_the_access_log) {
  const std::string path = (folder / "access.log").string();
  server.fakes.access_log = AccessLog::open(path).value();
  server.options.listeners.push_back(
      {.address = (folder / "socket").string(), .unix_socket = true});
  server.start();
  EXPECT_TRUE(infer(server.channel(0)).ok());
  EXPECT_TRUE(infer(server.channel(1)).ok());
  server.stop();
  std::ifstream log(path);
  std::string line;
  ASSERT_TRUE(std::getline(log, line));
  EXPECT_NE(line.find(R"("peer":"127.0.0.1:)"), std::string::npos) << line;
  ASSERT_TRUE(std::getline(log, line));
  EXPECT_NE(line.find(R"("peer":"unix:")"), std::string::npos) << line;
}

struct SilentConnectionTest : GrpcConnectionsTest {
  SilentConnectionTest() : GrpcConnectionsTest(clock) {}
  ~SilentConnectionTest() override { server.stop(); }
  FakeClock clock;
};

TEST_F(SilentConnectionTest, is_ended_when_no_http2_has_begun_in_time) {
  server.start();
  const auto talking = server.channel();
  EXPECT_TRUE(infer(talking).ok());
  RawClient silent(port());
  RawClient slow(port());
  slow.send(kGreeting.substr(0, kGreeting.size() - 1));
  RawClient greeted(port());
  greeted.send(kGreeting);
  await(metrics().connections_accepted, 4);
  EXPECT_EQ(metrics().connections_closed.value(), 0U);
  clock.advance(server.fakes.limits.receive_timeout);
  EXPECT_TRUE(silent.is_ended());
  EXPECT_TRUE(slow.is_ended());
  await(metrics().connections_closed, 2);
  EXPECT_TRUE(infer(talking).ok());
  EXPECT_EQ(metrics().connections_accepted.value(), 4U) << "on the connection that it had";
  EXPECT_EQ(metrics().connections_closed.value(), 2U);
}

}  // namespace
}  // namespace muster::testing
