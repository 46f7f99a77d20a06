// SPDX-License-Identifier: Apache-2.0
#include "frontend/http2/http2_thread.h"

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/temporary_folder.h"
#include "frontend/http2/testing/client_session.h"
#include "frontend/http2/testing/fake_calls.h"
#include "frontend/testing/fake_services.h"
#include "frontend/testing/raw_client.h"
#include "frontend/transport/listener.h"

namespace muster::testing {
namespace {

constexpr std::chrono::seconds kLimit{20};

struct Http2ThreadTest : ::testing::Test {
  Http2ThreadTest() {
    thread.start(service);
    listener->start({&thread}, 16, fakes.metrics.grpc);
  }
  ~Http2ThreadTest() override {
    thread.end();
    listener->stop();
    thread.close_connections();
  }
  // What was begun on the thread before has been done, and its round has ended.
  void sync() {
    for (int round = 0; round < 2; ++round) {
      std::promise<void> reached;
      thread.loop().post([&reached] { reached.set_value(); });
      reached.get_future().wait();
    }
  }
  // From now on every question has an answer of `size` bytes.
  void answer_with(std::size_t size, std::promise<void>& answered) {
    thread.loop().post([this, size, &answered] {
      service.at_begin = [size, &answered](FakeCall& made) {
        made.at_end = [size, &answered](FakeCall& ended) {
          ended.answer(std::string(size, 'x'));
          answered.set_value();
        };
      };
    });
    sync();
  }
  // A client with windows that are as large as can be, and its question.
  std::unique_ptr<RawClient> ask() {
    auto client = std::make_unique<RawClient>(path);
    client->send(std::string(kPreface) +
                 frame(NGHTTP2_SETTINGS, 0, 0, std::string("\0\4\x7f\xff\xff\xff", 6)) +
                 frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string("\x7f\xff\0\0", 4)) +
                 frame(NGHTTP2_HEADERS, 5, 1, header_block(request_fields())));
    return client;
  }

  const TemporaryFolder folder = TemporaryFolder::make("muster-http2").value();
  const std::string path = (folder.path() / "socket").string();
  FakeServices fakes{steady_clock()};
  const FrontServices services = fakes.services();
  FakeService service;
  std::unique_ptr<Listener> listener =
      Listener::open({.front_end = "HTTP/2", .address = path, .unix_socket = true}).value();
  Http2Thread thread{services, "http2-test"};
};

// A call is closed when its connection has the last of its answer, of which the socket may have
// taken a part. Which sizes of an answer end so hangs on the system: many are tried.
TEST_F(Http2ThreadTest, says_that_all_was_sent_when_the_sockets_have_it) {
  constexpr std::size_t kStep = std::size_t{4} << 10;
  int partly = 0;
  bool is_closed = true;
  for (std::size_t size = kStep; is_closed; size += kStep) {
    std::promise<void> answered;
    answer_with(size, answered);
    const std::unique_ptr<RawClient> client = ask();
    answered.get_future().wait();
    sync();
    is_closed = service.calls.back()->closing.has_value();
    std::promise<void> sent;
    std::future<void> all_sent = sent.get_future();
    thread.when_sent([&sent] { sent.set_value(); });
    sync();
    const bool is_sent = all_sent.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    if (is_closed && !is_sent) ++partly;
    EXPECT_EQ(client->receive_bytes(size), size);
    EXPECT_EQ(all_sent.wait_for(kLimit), std::future_status::ready);
  }
  EXPECT_GT(partly, 0);
}

TEST_F(Http2ThreadTest, a_connection_that_ends_has_nothing_to_send) {
  std::promise<void> answered;
  answer_with(std::size_t{64} << 20, answered);
  std::unique_ptr<RawClient> client = ask();
  answered.get_future().wait();
  std::promise<void> sent;
  std::future<void> all_sent = sent.get_future();
  thread.when_sent([&sent] { sent.set_value(); });
  sync();
  EXPECT_EQ(all_sent.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  client.reset();
  EXPECT_EQ(all_sent.wait_for(kLimit), std::future_status::ready);
}

}  // namespace
}  // namespace muster::testing
