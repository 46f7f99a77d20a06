// SPDX-License-Identifier: Apache-2.0
#include "client/remote_compiled_model.h"

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "client/testing/tiny_server.h"

namespace muster {
namespace {

constexpr std::array<float, 2> kValues{1, 2};

// "x" to "y", both FP32 with one open axis.
RemoteModel model() {
  const Shape row{kDynamicDim};
  return {"m", "", {{{"x", DataType::kFp32, row, {}}}, {{"y", DataType::kFp32, row, {}}}}};
}

std::unique_ptr<Session> session_for(const ServerAccess& server) {
  auto session = make_remote_compiled_model(server, model())->new_session();
  EXPECT_TRUE(session.ok());
  return *std::move(session);
}

// One batch of kValues.
Status run(Session& session) {
  MUSTER_ASSIGN_OR_RETURN(const auto room, session.prepare_input(0, {2}, sizeof(kValues)));
  std::memcpy(room.data(), kValues.data(), sizeof(kValues));
  return session.run();
}

std::string answer(const std::string& json, const std::string& binary) {
  return "HTTP/1.1 200 OK\r\nInference-Header-Content-Length: " + std::to_string(json.size()) +
         "\r\nContent-Length: " + std::to_string(json.size() + binary.size()) + "\r\n\r\n" + json +
         binary;
}

const std::string kJson =
    R"({"outputs":[{"name":"y","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}}]})";

TEST(RemoteSession, sends_each_batch_as_one_request_of_one_connection) {
  std::vector<std::string> asked;
  const TinyServer server([&](const std::string& request) {
    asked.push_back(request);
    return TinyServer::Reply{answer(kJson, request.substr(request.size() - 8))};
  });
  const auto session = session_for({server.address(), ""});
  for (int batch = 0; batch < 2; ++batch) {
    ASSERT_TRUE(run(*session).ok());
    const auto output = session->output(0);
    ASSERT_TRUE(output.ok());
    EXPECT_EQ(output->shape, Shape{2});
    EXPECT_EQ(std::memcmp(output->bytes.data(), kValues.data(), sizeof(kValues)), 0);
  }
  EXPECT_EQ(server.connections(), 1);
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_TRUE(asked[1].starts_with("POST /v2/models/m/infer HTTP/1.1\r\n"));
}

TEST(RemoteSession, takes_json_where_the_server_gives_no_binary_data) {
  const TinyServer server([](const std::string&) {
    return TinyServer::Reply{http_answer(
        200, R"({"outputs":[{"name":"y","datatype":"FP32","shape":[2],"data":[3,4]}]})")};
  });
  const auto session = session_for({server.address(), ""});
  ASSERT_TRUE(run(*session).ok());
  const std::array<float, 2> wanted{3, 4};
  EXPECT_EQ(std::memcmp(session->output(0)->bytes.data(), wanted.data(), sizeof(wanted)), 0);
}

TEST(RemoteSession, says_why_a_batch_is_not_answered) {
  std::vector<TinyServer::Reply> replies{
      {http_answer(400, R"({"error":"3 rows are too many"})")},
      {http_answer(200, "<html>")},
      {http_answer(200, R"({"outputs":[]})")},
      {"", true},
      {answer(kJson, "12345678")},
  };
  std::size_t next = 0;
  const TinyServer server([&](const std::string&) { return replies[next++]; });
  const auto session = session_for({server.address(), ""});
  EXPECT_EQ(run(*session).message(),
            "the server does not answer the batch (HTTP status 400): 3 rows are too many");
  EXPECT_TRUE(run(*session).message().starts_with("what the server answers: the server's JSON"));
  EXPECT_TRUE(run(*session).ok());
  EXPECT_EQ(session->output(0).status().message(), "the server's answer has no output 'y'");
  EXPECT_NE(run(*session).message().find("closed the connection without an answer"),
            std::string::npos);
  // On a new connection.
  EXPECT_TRUE(run(*session).ok());
  EXPECT_TRUE(session->output(0).ok());
  EXPECT_EQ(server.connections(), 2);
}

TEST(RemoteSession, gives_up_a_server_that_does_not_answer) {
  const TinyServer server([](const std::string&) { return TinyServer::Reply{}; });
  const auto session = session_for({server.address(), "", std::chrono::milliseconds(50)});
  EXPECT_EQ(run(*session).code(), StatusCode::kDeadlineExceeded);
}

TEST(RemoteSession, says_that_nobody_listens) {
  TinyServer server([](const std::string&) { return TinyServer::Reply{}; });
  server.stop();
  EXPECT_EQ(run(*session_for({server.address(), ""})).code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace muster
