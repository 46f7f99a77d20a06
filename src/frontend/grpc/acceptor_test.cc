// SPDX-License-Identifier: Apache-2.0
// The acceptor alone, and how it and gRPC get on with clients of every kind.
#include "frontend/grpc/acceptor.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

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

// The acceptor, with the test in the place of gRPC.
struct AcceptorTest : ::testing::Test {
  AcceptorTest() : services(fakes.services()), acceptor(services, peers) {}

  std::uint16_t listen() {
    auto socket = ListeningSocket::on_address("127.0.0.1", 0);
    EXPECT_TRUE(socket.ok()) << socket.status().to_string();
    const std::uint16_t port = socket->port();
    acceptor.add({.socket = std::move(*socket),
                  .hand_over = [this](int descriptor) { handed.set_value(descriptor); },
                  .limits_greeting = true});
    EXPECT_TRUE(acceptor.start().ok());
    return port;
  }
  Descriptor await_handed() {
    const int descriptor = handed.get_future().get();
    handed = {};
    return Descriptor(descriptor);
  }

  FakeServices fakes{steady_clock()};
  FrontServices services;
  PeerAddresses peers;
  std::promise<int> handed;
  Acceptor acceptor;
};

TEST_F(AcceptorTest, hands_over_sockets_that_do_not_wait_and_whose_peer_is_known) {
  const std::uint16_t port = listen();
  const RawClient client(port);
  const Descriptor socket = await_handed();
  EXPECT_NE(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket.get(), F_GETFD) & FD_CLOEXEC, 0);
  int no_delay = 0;
  socklen_t size = sizeof(no_delay);
  ASSERT_EQ(::getsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
  EXPECT_EQ(no_delay, 1);
  EXPECT_EQ(peers.of("fd:" + std::to_string(socket.get())), peer_text(socket.get()));
  EXPECT_TRUE(peers.of("fd:" + std::to_string(socket.get())).starts_with("127.0.0.1:"));
}

TEST_F(AcceptorTest, a_number_does_not_pass_on_to_the_next_connection) {
  const std::uint16_t port = listen();
  int last = -1;
  for (int i = 1; i <= 3; ++i) {
    const RawClient client(port);
    Descriptor socket = await_handed();
    EXPECT_GT(socket.get(), last);
    last = socket.get();
    ::shutdown(socket.get(), SHUT_RDWR);
    socket.close();
    await(fakes.metrics.grpc.connections_closed, static_cast<std::uint64_t>(i));
  }
}

TEST_F(AcceptorTest, a_connection_is_over_when_both_directions_are) {
  const std::uint16_t port = listen();
  RawClient client(port);
  const Descriptor socket = await_handed();
  client.end_sending();
  ::shutdown(socket.get(), SHUT_WR);
  await(fakes.metrics.grpc.connections_closed, 1);
  EXPECT_EQ(fakes.metrics.grpc.connections_accepted.value(), 1U);
}

TEST_F(AcceptorTest, counts_what_is_left_open_as_closed_at_its_end) {
  {
    Acceptor other(services, peers);
    auto socket = ListeningSocket::on_address("127.0.0.1", 0);
    ASSERT_TRUE(socket.ok());
    const std::uint16_t port = socket->port();
    other.add({.socket = std::move(*socket),
               .hand_over = [this](int descriptor) { handed.set_value(descriptor); }});
    ASSERT_TRUE(other.start().ok());
    const RawClient client(port);
    const Descriptor taken = await_handed();
    other.stop();
    EXPECT_FALSE(RawClient(port).connected());
    EXPECT_EQ(fakes.metrics.grpc.connections_closed.value(), 0U);
  }
  EXPECT_EQ(fakes.metrics.grpc.connections_closed.value(), 1U);
}

// With gRPC behind it. Every way in which gRPC ends a connection must be noticed while the client
// still holds on to it.
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

TEST_F(GrpcConnectionsTest, are_closed_when_grpc_sends_the_client_away) {
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
  EXPECT_TRUE(infer(server.channel()).ok()) << "all that gRPC opens once is open";
  await(metrics().connections_closed, 1);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // The two lowest numbers that are free: enough for a client's socket and the accepted one.
  const int first = ::dup(0);
  const int second = ::dup(0);
  ::close(first);
  ::close(second);
  rlimit scarce = before;
  scarce.rlim_cur = static_cast<rlim_t>(second) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &scarce), 0);
  RawClient unlucky(port());
  EXPECT_TRUE(unlucky.is_closed());
  unlucky.leave();
  EXPECT_GE(metrics().connections_refused.value(), 1U);
  // Now for the client's alone, which waits.
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
