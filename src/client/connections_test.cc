// SPDX-License-Identifier: Apache-2.0
#include "client/connections.h"

#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/testing/heard_answers.h"
#include "client/testing/tiny_server.h"

namespace muster {
namespace {

constexpr std::string_view kRequest = "GET /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
constexpr std::chrono::seconds kLimit{60};

TinyServer::Script always(TinyServer::Reply reply) {
  return [=](const std::string&) { return reply; };
}

class ConnectionsTest : public testing::Test {
 protected:
  void open(const TinyServer& server, int count) {
    auto opened =
        Connections::open({server.address(), [] { return make_http_wire(); }, count, 1, kLimit});
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    connections_.emplace(*std::move(opened));
  }
  // Until so many answers were heard.
  void hear(std::size_t count) {
    while (heard_.all.size() < count)
      ASSERT_TRUE(connections_->wait(kLimit, heard_).ok());
  }

  std::optional<Connections> connections_;
  HeardAnswers heard_;
};

TEST_F(ConnectionsTest, hand_out_every_answer_once_by_its_slot) {
  const TinyServer server([](const std::string& request) {
    return TinyServer::Reply{http_answer(200, request.substr(4, 2))};
  });
  open(server, 4);
  EXPECT_EQ(connections_->slots(), 4);
  std::vector<std::string> requests;
  for (int slot = 0; slot < 4; ++slot)
    requests.push_back("GET /" + std::to_string(slot) + " HTTP/1.1\r\n\r\n");
  for (int slot = 0; slot < 4; ++slot)
    connections_->ask(slot, requests[static_cast<std::size_t>(slot)]);
  hear(4);
  std::set<std::string> bodies;
  for (const auto& answer : heard_.all) {
    EXPECT_EQ(answer.body, "/" + std::to_string(answer.slot));
    bodies.insert(answer.body);
  }
  EXPECT_EQ(bodies.size(), 4U);
  EXPECT_EQ(connections_->reconnects(), 0U);
}

TEST_F(ConnectionsTest, send_requests_that_a_socket_does_not_take_at_once) {
  std::string request = "POST / HTTP/1.1\r\nContent-Length: 8388608\r\n\r\n";
  request.append(std::size_t{8} << 20, 'x');
  const TinyServer server([&](const std::string& got) {
    return TinyServer::Reply{http_answer(200, got == request ? "same" : "other")};
  });
  open(server, 1);
  connections_->ask(0, request);
  hear(1);
  EXPECT_EQ(heard_.all[0].body, "same");
}

// Asks again from within the answer, five times in all, as a closed loop does.
class AskingAgain final : public AnswerListener {
 public:
  explicit AskingAgain(Connections& to) : to_(to) {}
  void answered(const Answer& answer) override {
    EXPECT_EQ(answer.outcome, Outcome::kAnswered) << answer.body;
    EXPECT_EQ(answer.body, "ok");
    if (++count < 5) to_.ask(answer.slot, kRequest);
  }
  int count = 0;

 private:
  Connections& to_;
};

TEST_F(ConnectionsTest, connect_again_where_the_server_closes_behind_its_answer) {
  for (const char* const reply :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        // Its end is the connection's.
        "HTTP/1.1 200 OK\r\n\r\nok"}) {
    const TinyServer server(always({reply, true}));
    open(server, 1);
    AskingAgain again(*connections_);
    connections_->ask(0, kRequest);
    while (again.count < 5)
      ASSERT_TRUE(connections_->wait(kLimit, again).ok()) << reply;
    EXPECT_EQ(connections_->reconnects(), 4U) << reply;
  }
}

TEST_F(ConnectionsTest, fail_what_was_in_flight_when_a_connection_ends) {
  const TinyServer server(always({"", true}));
  open(server, 2);
  connections_->ask(0, kRequest);
  hear(1);
  EXPECT_EQ(heard_.all[0].outcome, Outcome::kFailed);
  EXPECT_NE(heard_.all[0].body.find("closed the connection without an answer"), std::string::npos);
  // The other one is not concerned.
  connections_->ask(1, kRequest);
  hear(2);
  EXPECT_EQ(heard_.all[1].slot, 1);
}

TEST_F(ConnectionsTest, tell_by_waiting_that_a_server_has_gone) {
  TinyServer server(always({http_answer(200, "")}));
  open(server, 1);
  server.stop();
  for (std::size_t round = 1; round <= 2; ++round) {
    connections_->ask(0, kRequest);
    hear(round);
    EXPECT_EQ(heard_.all.back().outcome, Outcome::kFailed);
  }
  EXPECT_NE(heard_.all[1].body.find("cannot be reached"), std::string::npos);
}

TEST_F(ConnectionsTest, give_up_a_request_with_its_connection) {
  const TinyServer server([](const std::string& request) {
    return TinyServer::Reply{request.find("/x") != std::string::npos ? ""
                                                                     : http_answer(200, "yes")};
  });
  open(server, 1);
  connections_->ask(0, kRequest);
  connections_->abandon(0, "too slow");
  hear(1);
  EXPECT_EQ(heard_.all[0].body, "too slow");
  connections_->ask(0, "GET /y HTTP/1.1\r\n\r\n");
  hear(2);
  EXPECT_EQ(heard_.all[1].body, "yes");
}

TEST_F(ConnectionsTest, wake_up_when_told) {
  const TinyServer server(always({}));
  open(server, 1);
  connections_->wake();
  EXPECT_TRUE(connections_->wait(std::chrono::hours(24), heard_).ok());
  EXPECT_TRUE(heard_.all.empty());
}

struct NarrowSocket {
  ServerAddress address;
  std::vector<SocketAddress> places;
  Descriptor listening;
};

// With room for one that waits to be accepted. An abstract name, which needs no file.
void listen_narrowly(const std::string& name, NarrowSocket& made) {
  made.address = {Transport::kHttp, "", 0,
                  std::string(1, '\0') + name + std::to_string(::getpid())};
  auto places = resolve(made.address);
  ASSERT_TRUE(places.ok());
  made.places = *std::move(places);
  const SocketAddress& place = made.places.front();
  made.listening = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(
      ::bind(made.listening.get(), reinterpret_cast<const sockaddr*>(&place.bytes), place.size), 0);
  ASSERT_EQ(::listen(made.listening.get(), 0), 0);
}

TEST_F(ConnectionsTest, wait_for_room_where_a_unix_socket_has_none) {
  NarrowSocket socket;
  ASSERT_NO_FATAL_FAILURE(listen_narrowly("muster-full-", socket));
  const auto& [address, places, listening] = socket;
  const auto first = connect_to(address, places, Clock::Duration{0});
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  const auto second = connect_to(address, places, Clock::Duration{0});
  EXPECT_NE(second.status().message().find("timed out"), std::string::npos)
      << second.status().to_string();
  std::thread accepting(
      [&] { const Descriptor accepted(::accept(listening.get(), nullptr, nullptr)); });
  const auto third = connect_to(address, places, kLimit);
  accepting.join();
  EXPECT_TRUE(third.ok()) << third.status().to_string();
}

// All others wait meanwhile, so that the patience of the first connections is not theirs.
TEST_F(ConnectionsTest, try_no_longer_to_connect_again_than_their_own_limit) {
  NarrowSocket socket;
  ASSERT_NO_FATAL_FAILURE(listen_narrowly("muster-gone-", socket));
  const auto& [address, places, listening] = socket;
  auto opened =
      Connections::open({address, [] { return make_http_wire(); }, 1, 1, std::chrono::hours(24)});
  ASSERT_TRUE(opened.ok()) << opened.status().to_string();
  connections_.emplace(*std::move(opened));
  Descriptor(::accept(listening.get(), nullptr, nullptr)).close();
  ASSERT_TRUE(connections_->wait(kLimit, heard_).ok());
  // There is room for one, which is taken.
  const auto other = connect_to(address, places, Clock::Duration{0});
  ASSERT_TRUE(other.ok()) << other.status().to_string();
  connections_->ask(0, kRequest);
  hear(1);
  EXPECT_EQ(heard_.all[0].outcome, Outcome::kFailed);
  EXPECT_NE(heard_.all[0].body.find("timed out"), std::string::npos) << heard_.all[0].body;
}

TEST_F(ConnectionsTest, say_that_nobody_listens) {
  const auto opened = Connections::open(
      {{Transport::kHttp, "", 0, "/no/such/socket"}, [] { return make_http_wire(); }});
  EXPECT_EQ(opened.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(opened.status().message(),
            "unix:/no/such/socket cannot be reached: No such file or directory");
}

TEST_F(ConnectionsTest, are_limited_in_number) {
  const auto opened = Connections::open({{Transport::kHttp, "", 0, "/no/such/socket"},
                                         [] { return make_http_wire(); },
                                         static_cast<int>(Connections::kMostSlots) + 1});
  EXPECT_EQ(opened.status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace muster
