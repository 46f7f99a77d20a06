// SPDX-License-Identifier: Apache-2.0
// HTTP over TLS, with and without certificates of clients.
#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "frontend/http/testing/certificates.h"
#include "frontend/http/testing/running_frontend.h"

namespace muster {
namespace {

using testing::binary_values;
using testing::Certificate;
using testing::infer_binary;
using testing::infer_json;
using testing::RawClient;
using testing::RunningFrontend;
using testing::TlsClient;

class TlsTest : public ::testing::Test {
 protected:
  // A server that refuses a client closes while that still writes.
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }
  void start(const std::string& client_ca = "") {
    server_.options.listeners[0].tls = {certificate_.certificate_file, certificate_.key_file,
                                        client_ca};
    const Status started = server_.start();
    ASSERT_TRUE(started.ok()) << started.to_string();
  }

  Certificate certificate_{"server"};
  Certificate client_certificate_{"client"};
  RunningFrontend server_;
};

TEST_F(TlsTest, carries_requests_of_all_sizes) {
  start();
  TlsClient client(server_.port(), certificate_);
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.send(infer_json("x")).reply().status, 200);
  // One record, a few, and more than the socket takes at once.
  for (const std::size_t count : {100U, 4'200U, 10'000U, 50'000U, 500'000U}) {
    const std::vector<float> values(count, 2.5F);
    EXPECT_EQ(binary_values(client.send(infer_binary(values)).reply()), values) << count;
  }
  EXPECT_EQ(client.send(infer_json("a") + infer_json("b")).reply().status, 200);
  EXPECT_NE(client.reply().body.find("\"b\""), std::string::npos);
}

TEST_F(TlsTest, says_that_nothing_more_comes) {
  start();
  TlsClient client(server_.port(), certificate_);
  EXPECT_EQ(client.send(infer_json("x", "Connection: close\r\n")).reply().status, 200);
  EXPECT_TRUE(client.was_told_of_the_end());
}

TEST_F(TlsTest, takes_nothing_older_than_1_2) {
  start();
  EXPECT_TRUE(TlsClient(server_.port(), certificate_, nullptr, TLS1_2_VERSION).connected());
  EXPECT_FALSE(TlsClient(server_.port(), certificate_, nullptr, TLS1_1_VERSION).connected());
}

TEST_F(TlsTest, a_plain_request_gets_no_answer) {
  start();
  RawClient client(server_.port());
  EXPECT_EQ(client.send(infer_json("x")).reply().status, 0);
  EXPECT_EQ(server_.fakes.inference.asked(), 0U);
}

TEST_F(TlsTest, asks_clients_for_their_certificate) {
  start(client_certificate_.certificate_file);
  TlsClient known(server_.port(), certificate_, &client_certificate_);
  EXPECT_EQ(known.send(infer_json("x")).reply().status, 200);
  // With TLS 1.3 a client learns of its refusal when it reads.
  TlsClient unknown(server_.port(), certificate_);
  EXPECT_EQ(unknown.send(infer_json("x")).reply().status, 0);
  const Certificate stranger("stranger");
  TlsClient wrong(server_.port(), certificate_, &stranger);
  EXPECT_EQ(wrong.send(infer_json("x")).reply().status, 0);
  EXPECT_EQ(server_.fakes.inference.asked(), 1U);
}

TEST_F(TlsTest, a_handshake_that_is_not_finished_is_given_up) {
  FakeClock clock;
  RunningFrontend server(clock);
  server.options.listeners[0].tls = {certificate_.certificate_file, certificate_.key_file, ""};
  ASSERT_TRUE(server.start().ok());
  RawClient client(server.port());
  client.send("\x16\x03\x01");
  while (server.fakes.metrics.http.connections_accepted.value() == 0)
    std::this_thread::yield();
  while (server.fakes.metrics.http.connections_closed.value() == 0) {
    clock.advance(server.fakes.limits.receive_timeout);
    std::this_thread::yield();
  }
  EXPECT_TRUE(client.is_closed());
}

TEST_F(TlsTest, ends_while_requests_are_under_way) {
  start();
  server_.fakes.inference.hold();
  TlsClient client(server_.port(), certificate_);
  client.send(infer_json("x"));
  server_.fakes.inference.wait_until_held(1);
  server_.stop();
  server_.fakes.inference.release();
}

// What OpenSSL would read a password from, where there is no terminal.
class TypedAtStdin {
 public:
  explicit TypedAtStdin(std::string_view line) : before_(::dup(STDIN_FILENO)) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    EXPECT_EQ(::write(ends[1], line.data(), line.size()), static_cast<ssize_t>(line.size()));
    ::close(ends[1]);
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
  }
  TypedAtStdin(const TypedAtStdin&) = delete;
  TypedAtStdin& operator=(const TypedAtStdin&) = delete;
  ~TypedAtStdin() {
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }
  [[nodiscard]] std::string untouched() const {
    std::array<char, 64> text{};
    const ssize_t size = ::read(STDIN_FILENO, text.data(), text.size());
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  const int before_;
};

TEST_F(TlsTest, a_key_with_a_password_is_refused_and_nobody_is_asked_for_it) {
  certificate_.encrypt_key("password");
  const TypedAtStdin typed("password\n");
  server_.options.listeners[0].tls = {certificate_.certificate_file, certificate_.key_file, ""};
  const Status started = server_.start();
  EXPECT_EQ(started.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(started.message().find(certificate_.key_file), std::string_view::npos)
      << started.to_string();
  EXPECT_EQ(typed.untouched(), "password\n");
}

TEST_F(TlsTest, a_key_of_another_certificate_is_refused) {
  server_.options.listeners[0].tls = {certificate_.certificate_file, client_certificate_.key_file,
                                      ""};
  EXPECT_EQ(server_.start().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace muster
