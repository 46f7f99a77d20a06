// SPDX-License-Identifier: Apache-2.0
// Naming a region of shared memory in an inference takes what registering it takes.
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "frontend/http/testing/running_frontend.h"
#include "protocol/testing/shared_memory_object.h"

namespace muster {
namespace {

using testing::get;
using testing::infer_json;
using testing::post;
using testing::RawClient;
using testing::RawReply;
using testing::RunningFrontend;
using testing::SharedMemoryObject;

constexpr std::string_view kReader = "infer-token-0123456789";
constexpr std::string_view kBoth = "both-token-0123456789a";

std::string bearer(std::string_view token) {
  return token.empty() ? "" : "Authorization: Bearer " + std::string(token) + "\r\n";
}

// Binary tensors both ways, so that a connection keeps what it has read of the JSON.
std::string infer_in_region(std::string_view input, std::string_view output,
                            std::string_view token) {
  const std::string json =
      R"({"inputs":[{"name":"x","datatype":"BOOL","shape":[1,4],"parameters":{)" +
      std::string(input) + R"(}}],"outputs":[{"name":"y","parameters":{)" + std::string(output) +
      "}}]}";
  const bool behind = input.find("binary") != std::string_view::npos;
  return post(
      "/v2/models/echo/infer", json + (behind ? std::string("\1\0\1\0", 4) : ""),
      "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n" + bearer(token));
}

constexpr std::string_view kSent = R"("binary_data_size":4)";
constexpr std::string_view kShared = R"("shared_memory_region":"r","shared_memory_byte_size":4)";
constexpr std::string_view kNotShared = R"("binary_data":true)";

class RegionRightsTest : public ::testing::Test {
 protected:
  void start() {
    ASSERT_TRUE(server_.fakes.regions.add("r", object_.key(), 0, 4).ok());
    ASSERT_TRUE(server_.start().ok());
  }
  void with_tokens() {
    server_.fakes.require_tokens("infer " + std::string(kReader) + "\ninfer,admin " +
                                 std::string(kBoth) + "\n");
  }
  const SharedMemoryObject object_{std::string("\1\1\0\0", 4)};
  RunningFrontend server_{steady_clock(), true};
};

TEST_F(RegionRightsTest, on_loopback_without_tokens_everybody_may) {
  start();
  EXPECT_EQ(server_.ask(infer_in_region(kShared, kNotShared, "")).status, 200);
  EXPECT_EQ(server_.ask(infer_in_region(kSent, kShared, "")).status, 200);
  EXPECT_EQ(object_.read(4), std::string("\1\0\1\0", 4));
}

TEST_F(RegionRightsTest, beyond_loopback_nobody_may_without_a_token) {
  server_.options.listeners[0].address = "0.0.0.0";
  start();
  const RawReply read = server_.ask(infer_in_region(kShared, kNotShared, ""));
  EXPECT_EQ(read.status, 403);
  EXPECT_NE(read.body.find("input 'x': naming shared memory: "), std::string::npos) << read.body;
  const RawReply written = server_.ask(infer_in_region(kSent, kShared, ""));
  EXPECT_EQ(written.status, 403);
  EXPECT_NE(written.body.find("output 'y': naming shared memory: "), std::string::npos)
      << written.body;
  EXPECT_EQ(server_.ask(infer_in_region(kSent, kNotShared, "")).status, 200);
  EXPECT_EQ(object_.read(4), std::string("\1\1\0\0", 4));
}

TEST_F(RegionRightsTest, with_tokens_it_takes_the_right_admin_beside_infer) {
  with_tokens();
  start();
  EXPECT_EQ(server_.ask(infer_in_region(kShared, kNotShared, kReader)).status, 403);
  EXPECT_EQ(server_.ask(infer_in_region(kSent, kShared, kReader)).status, 403);
  EXPECT_EQ(server_.ask(infer_in_region(kSent, kNotShared, kReader)).status, 200);
  EXPECT_EQ(server_.ask(infer_in_region(kShared, kNotShared, kBoth)).status, 200);
  EXPECT_EQ(server_.ask(infer_in_region(kSent, kShared, kBoth)).status, 200);
}

// What a connection keeps of its last request is not who may make it.
TEST_F(RegionRightsTest, a_repetition_with_another_token_is_asked_anew) {
  with_tokens();
  start();
  RawClient client(server_.port());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(client.send(infer_in_region(kSent, kShared, kBoth)).reply().status, 200);
    EXPECT_EQ(client.send(infer_in_region(kSent, kShared, kBoth)).reply().status, 200);
    EXPECT_EQ(client.send(infer_in_region(kSent, kShared, kReader)).reply().status, 403);
    EXPECT_EQ(client.send(infer_in_region(kSent, kShared, "")).reply().status, 401);
  }
}

TEST_F(RegionRightsTest, a_unix_domain_socket_counts_as_loopback) {
  const std::string path = ::testing::TempDir() + "regions" + std::to_string(::getpid());
  server_.options.listeners[0].address = "0.0.0.0";
  server_.options.listeners.push_back({HttpListener::Kind::kInference, path, true, 0, {}});
  start();
  RawClient client(path);
  EXPECT_EQ(client.send(infer_in_region(kShared, kNotShared, "")).reply().status, 200);
}

}  // namespace
}  // namespace muster
