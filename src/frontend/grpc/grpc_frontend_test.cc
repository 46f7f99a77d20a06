// SPDX-License-Identifier: Apache-2.0
// Listening, TLS, stopping.
#include "frontend/grpc/grpc_frontend.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temporary_folder.h"
#include "frontend/grpc/testing/certificates.h"
#include "frontend/grpc/testing/grpc_server.h"

namespace muster::testing {
namespace {

struct GrpcFrontendTest : ::testing::Test {
  ~GrpcFrontendTest() override { server.stop(); }

  const TemporaryFolder temporary = TemporaryFolder::make("muster-grpc").value();
  const std::filesystem::path folder = temporary.path();
  GrpcServer server;

  static grpc::Status infer(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    oip::ModelInferResponse response;
    return Oip::NewStub(channel)->ModelInfer(&context, echo_request(), &response);
  }
  Status start_error() {
    const FrontServices services = server.fakes.services();
    return GrpcFrontend::start(services, server.options).status();
  }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  }
};

TEST_F(GrpcFrontendTest, tells_the_ports_that_it_was_given) {
  server.options.listeners.push_back(GrpcListener{});
  server.options.listeners.push_back(
      {.address = (folder / "socket").string(), .unix_socket = true});
  server.start();
  const auto ports = server.frontend().ports();
  ASSERT_EQ(ports.size(), 3U);
  EXPECT_NE(ports[0], 0);
  EXPECT_NE(ports[1], 0);
  EXPECT_NE(ports[0], ports[1]);
  EXPECT_EQ(ports[2], 0);
  for (std::size_t listener = 0; listener < 3; ++listener)
    EXPECT_TRUE(infer(server.channel(listener)).ok());
}

TEST_F(GrpcFrontendTest, a_unix_socket_is_for_its_owner_and_goes_with_the_server) {
  const std::string path = (folder / "socket").string();
  server.options.listeners = {{.address = path, .unix_socket = true}};
  server.start();
  struct stat found = {};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  server.stop();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(GrpcFrontendTest, a_unix_socket_takes_the_place_of_a_dead_one_but_not_of_a_live_one) {
  const std::string path = (folder / "socket").string();
  server.options.listeners = {{.address = path, .unix_socket = true}};
  server.start();
  const Status refused = start_error();
  EXPECT_NE(refused.message().find("another server does"), std::string_view::npos)
      << refused.to_string();
  EXPECT_TRUE(infer(server.channel()).ok()) << "the first one goes on";
  server.stop();
  file("socket", "not a socket");
  EXPECT_NE(start_error().message().find("no socket"), std::string_view::npos);
}

TEST_F(GrpcFrontendTest, an_administrator_may_come_by_unix_socket_where_ports_are_open_to_all) {
  server.options.listeners = {{.address = "0.0.0.0"},
                              {.address = (folder / "socket").string(), .unix_socket = true}};
  server.start();
  const auto unload = [this](std::size_t listener) {
    grpc::ClientContext context;
    oip::RepositoryModelUnloadResponse reply;
    return server.stub(listener)->RepositoryModelUnload(&context, {}, &reply).error_code();
  };
  EXPECT_EQ(unload(0), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(unload(1), grpc::StatusCode::OK);
}

TEST_F(GrpcFrontendTest, says_what_is_wrong_with_an_address) {
  server.start();
  GrpcListener& listener = server.options.listeners[0];
  listener.port = server.frontend().ports()[0];
  EXPECT_EQ(start_error().message(),
            "gRPC cannot listen on 127.0.0.1:" + std::to_string(listener.port) +
                ": bind: Address already in use");
  listener = {.address = "192.0.2.1"};
  EXPECT_NE(start_error().message().find("192.0.2.1:0"), std::string_view::npos);
  listener = {.address = "localhost"};
  EXPECT_EQ(start_error().code(), StatusCode::kInvalidArgument);
  listener = {.address = std::string(200, 'x'), .unix_socket = true};
  EXPECT_EQ(start_error().code(), StatusCode::kInvalidArgument);
  listener = {.address = (folder / "none" / "socket").string(), .unix_socket = true};
  EXPECT_NE(start_error().message().find("none/socket"), std::string_view::npos);
}

TEST_F(GrpcFrontendTest, speaks_tls) {
  const Certificate authority;
  const Certificate own = Certificate::signed_by(authority);
  server.options.listeners[0].tls = {.certificate = file("own.pem", own.certificate()),
                                     .key = file("own.key", own.key())};
  server.start();
  grpc::SslCredentialsOptions trusting;
  trusting.pem_root_certs = authority.certificate();
  EXPECT_TRUE(infer(server.channel(0, grpc::SslCredentials(trusting))).ok());
  EXPECT_FALSE(infer(server.channel()).ok()) << "not in the clear";
}

TEST_F(GrpcFrontendTest, mutual_tls_wants_a_certificate_of_the_client) {
  const Certificate authority;
  const Certificate own = Certificate::signed_by(authority);
  server.options.listeners[0].tls = {.certificate = file("own.pem", own.certificate()),
                                     .key = file("own.key", own.key()),
                                     .client_ca = file("ca.pem", authority.certificate())};
  server.start();
  grpc::SslCredentialsOptions client;
  client.pem_root_certs = authority.certificate();
  EXPECT_FALSE(infer(server.channel(0, grpc::SslCredentials(client))).ok());
  const Certificate stranger;
  client.pem_cert_chain = stranger.certificate();
  client.pem_private_key = stranger.key();
  EXPECT_FALSE(infer(server.channel(0, grpc::SslCredentials(client))).ok());
  const Certificate known = Certificate::signed_by(authority);
  client.pem_cert_chain = known.certificate();
  client.pem_private_key = known.key();
  EXPECT_TRUE(infer(server.channel(0, grpc::SslCredentials(client))).ok());
}

TEST_F(GrpcFrontendTest, says_what_is_wrong_with_tls_files) {
  TlsFiles& tls = server.options.listeners[0].tls;
  tls = {.certificate = (folder / "none.pem").string(), .key = (folder / "none.key").string()};
  EXPECT_NE(start_error().message().find("none.pem"), std::string_view::npos);
  tls.certificate = file("text.pem", "hello");
  EXPECT_NE(start_error().message().find("text.pem"), std::string_view::npos);
  const Certificate one;
  const Certificate another;
  tls.certificate = file("one.pem", one.certificate());
  tls.key = file("another.key", another.key());
  EXPECT_NE(start_error().message().find("belong together"), std::string_view::npos)
      << start_error().to_string();
  tls.key = file("one.key", one.key());
  tls.client_ca = file("ca.pem", one.key());
  EXPECT_NE(start_error().message().find("ca.pem"), std::string_view::npos);
  tls.client_ca = file("ca.pem", another.certificate());
  EXPECT_TRUE(start_error().ok()) << start_error().to_string();
  tls.certificate = file("cut.pem", one.certificate().substr(0, 100));
  EXPECT_NE(start_error().message().find("cut.pem"), std::string_view::npos);
}

TEST_F(GrpcFrontendTest, draining_answers_what_was_read_and_refuses_what_comes) {
  server.fakes.inference.hold();
  server.start();
  auto early = std::async(std::launch::async, [this] { return infer(server.channel()); });
  server.fakes.inference.wait_until_held(1);
  server.frontend().stop_accepting();
  const grpc::Status late = infer(server.channel());
  EXPECT_EQ(late.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(server.frontend().drain(std::chrono::milliseconds(0)));
  server.fakes.inference.release();
  EXPECT_TRUE(server.frontend().drain(std::chrono::minutes(1)));
  EXPECT_TRUE(early.get().ok());
  grpc::ClientContext context;
  oip::ServerReadyResponse ready;
  ASSERT_TRUE(server.stub()->ServerReady(&context, {}, &ready).ok());
  EXPECT_FALSE(ready.ready());
}

// A client that leaves deadlines to the server, and a moment when its call's has passed for long
// enough that whoever watches it has seen it.
struct GrpcDeadlineTest : GrpcFrontendTest {
  void begin() {
    server.fakes.inference.hold();
    server.start();
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0);
    stub = Oip::NewStub(
        grpc::CreateCustomChannel(server.address(), grpc::InsecureChannelCredentials(), arguments));
    deadline = std::chrono::system_clock::now() + std::chrono::milliseconds(50);
    context.set_deadline(deadline);
  }
  void await_deadline() {
    while (std::chrono::system_clock::now() < deadline + std::chrono::milliseconds(50))
      std::this_thread::yield();
  }

  std::unique_ptr<Oip::Stub> stub;
  grpc::ClientContext context;
  std::chrono::system_clock::time_point deadline;
};

TEST_F(GrpcDeadlineTest, is_the_queues_and_nothing_else_ends_the_call) {
  begin();
  oip::ModelInferResponse response;
  auto status = std::async(std::launch::async, [this, &response] {
    return stub->ModelInfer(&context, echo_request(), &response);
  });
  server.fakes.inference.wait_until_held(1);
  await_deadline();
  server.fakes.inference.refuse(Status(StatusCode::kDeadlineExceeded, "the queue says so"));
  server.fakes.inference.release();
  const grpc::Status answer = status.get();
  EXPECT_EQ(answer.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(answer.error_message(), "the queue says so");
  EXPECT_EQ(server.fakes.metrics.grpc.disconnects.value(), 0U);
}

TEST_F(GrpcDeadlineTest, does_not_end_what_runs_already_on_a_stream) {
  begin();
  const auto stream = stub->ModelStreamInfer(&context);
  ASSERT_TRUE(stream->Write(echo_request("a")));
  stream->WritesDone();
  server.fakes.inference.wait_until_held(1);
  await_deadline();
  server.fakes.inference.release();
  oip::ModelStreamInferResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.infer_response().id(), "a");
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(server.fakes.metrics.grpc.disconnects.value(), 0U);
}

TEST_F(GrpcFrontendTest, drains_at_once_where_nothing_is_open) {
  server.start();
  EXPECT_TRUE(infer(server.channel()).ok());
  EXPECT_TRUE(server.frontend().drain(std::chrono::milliseconds(0)) ||
              server.frontend().drain(std::chrono::minutes(1)));
}

TEST_F(GrpcFrontendTest, ends_connections_that_have_had_no_call_for_too_long) {
  server.fakes.limits.grpc_idle_timeout = std::chrono::milliseconds(500);
  server.options.listeners.push_back(
      {.address = (folder / "socket").string(), .unix_socket = true});
  server.fakes.inference.hold();
  server.start();
  // On a machine that stands still a connection has been idle before its first call has come: then
  // again.
  auto open = std::async(std::launch::async, [this] {
    while (!infer(server.channel()).ok()) {
    }
  });
  server.fakes.inference.wait_until_held(1);
  for (const std::size_t listener : {0U, 1U}) {
    const auto stub = server.stub(listener);
    const auto is_live = [&] {
      grpc::ClientContext context;
      oip::ServerLiveResponse live;
      return stub->ServerLive(&context, {}, &live).ok();
    };
    while (!is_live()) {
    }
    // While its client is still there.
    while (server.fakes.metrics.grpc.connections_closed.value() < listener + 1)
      std::this_thread::yield();
  }
  server.fakes.inference.release();
  open.get();
  EXPECT_EQ(server.fakes.inference.asked(), 1U) << "the one with a call stays";
}

TEST_F(GrpcFrontendTest, writes_a_line_of_the_access_log_for_each_call) {
  const std::string path = (folder / "access.log").string();
  auto log = AccessLog::open(path);
  ASSERT_TRUE(log.ok());
  server.fakes.access_log = std::move(log).value();
  server.start();
  grpc::ClientContext context;
  oip::ModelInferResponse response;
  ASSERT_TRUE(server.stub()->ModelInfer(&context, echo_request("a\nb"), &response).ok());
  server.stop();
  std::ifstream written(path);
  std::string line;
  ASSERT_TRUE(std::getline(written, line));
  for (const char* part : {"\"grpc\"", "\"ModelInfer\"", "127.0.0.1:", "a\\nb", "echo"})
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  EXPECT_FALSE(std::getline(written, line));
}

}  // namespace
}  // namespace muster::testing
