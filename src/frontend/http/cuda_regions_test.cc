// SPDX-License-Identifier: Apache-2.0
// CUDA shared memory over HTTP, with a GPU that is played.
#include <cstring>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "frontend/http/testing/running_frontend.h"
#include "shared_memory/testing/fake_gpu.h"

namespace muster {
namespace {

using testing::FakeGpu;
using testing::get;
using testing::post;
using testing::RawClient;
using testing::RawReply;
using testing::RunningFrontend;

// "gpu" in base64.
std::string order(std::string_view b64 = "Z3B1", int device = 0, std::uint64_t size = 64) {
  return R"({"raw_handle":{"b64":")" + std::string(b64) + R"("},"device_id":)" +
         std::to_string(device) + R"(,"byte_size":)" + std::to_string(size) + "}";
}

std::string infer_in_region(std::string_view input, std::string_view output) {
  return post("/v2/models/echo/infer",
              R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,4],)" + std::string(input) +
                  R"(}],"outputs":[{"name":"y",)" + std::string(output) + "}]}");
}

std::string in_region(std::uint64_t offset) {
  return R"("parameters":{"shared_memory_region":"r","shared_memory_offset":)" +
         std::to_string(offset) + R"(,"shared_memory_byte_size":16})";
}

class CudaRegionsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start().ok()); }
  RawReply add(const std::string& body, std::string_view name = "r") {
    return server_.ask(
        post("/v2/cudasharedmemory/region/" + std::string(name) + "/register", body));
  }
  std::string list() { return server_.ask(get("/v2/cudasharedmemory/status")).body; }

  FakeGpu gpu_{64};
  RunningFrontend server_{steady_clock(), true, gpu_.opener()};
};

TEST_F(CudaRegionsTest, come_and_go) {
  EXPECT_EQ(list(), "[]");
  const RawReply added = add(order());
  EXPECT_EQ(added.status, 200) << added.body;
  ASSERT_EQ(add(order(), "s").status, 200);
  EXPECT_EQ(list(), R"([{"name":"r","device_id":0,"byte_size":64},)"
                    R"({"name":"s","device_id":0,"byte_size":64}])");
  EXPECT_EQ(server_.ask(get("/v2/cudasharedmemory/region/s/status")).body,
            R"([{"name":"s","device_id":0,"byte_size":64}])");
  EXPECT_EQ(server_.ask(get("/v2/cudasharedmemory/region/t/status")).status, 404);
  EXPECT_EQ(server_.ask(get("/v2/systemsharedmemory/status")).body, "[]");
  EXPECT_EQ(server_.ask(post("/v2/cudasharedmemory/region/r/unregister")).status, 200);
  EXPECT_EQ(list(), R"([{"name":"s","device_id":0,"byte_size":64}])");
  EXPECT_EQ(server_.ask(post("/v2/cudasharedmemory/unregister")).status, 200);
  EXPECT_EQ(list(), "[]");
  EXPECT_EQ(gpu_.open_count(), 0);
}

TEST_F(CudaRegionsTest, carry_tensors_both_ways) {
  ASSERT_EQ(add(order()).status, 200);
  const std::vector<float> values = {1, 2, 3, 4};
  std::memcpy(gpu_.address() + 16, values.data(), 16);
  const RawReply reply = server_.ask(infer_in_region(in_region(16), in_region(48)));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_NE(reply.body.find(R"("shared_memory_region":"r")"), std::string::npos) << reply.body;
  EXPECT_EQ(gpu_.get(48, 16), gpu_.get(16, 16));
}

TEST_F(CudaRegionsTest, are_refused_with_the_reason) {
  const auto refusal = [&](const std::string& body) {
    const RawReply reply = add(body);
    EXPECT_EQ(reply.status, 400) << body << reply.body;
    return reply.body;
  };
  EXPECT_NE(refusal("{}").find("raw_handle.b64"), std::string::npos);
  EXPECT_NE(refusal(R"({"raw_handle":{"b64":"Z3B1"},"byte_size":1})").find("device_id"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"raw_handle":{"b64":"Z3B1"},"device_id":0})").find("byte_size"),
            std::string::npos);
  EXPECT_NE(refusal(order("Z3B")).find("base64"), std::string::npos);
  EXPECT_NE(refusal(order("")).find("0 bytes"), std::string::npos);
  EXPECT_NE(refusal(order(std::string(4096, 'A'))).find("3072 bytes"), std::string::npos);
  EXPECT_NE(refusal(order("b3RoZXI=")).find("names no memory"), std::string::npos);
  EXPECT_NE(refusal(order("Z3B1", 1)).find("there is no GPU 1"), std::string::npos);
  EXPECT_NE(refusal(order("Z3B1", -1)).find("GPU -1"), std::string::npos);
  EXPECT_NE(refusal(order("Z3B1", 0, 65)).find("has 64 bytes"), std::string::npos);
  EXPECT_NE(refusal(order("Z3B1", 0, 0)).find("of 0 bytes"), std::string::npos);
  ASSERT_EQ(add(order()).status, 200);
  EXPECT_NE(refusal(order()).find("already"), std::string::npos);
}

TEST_F(CudaRegionsTest, nobody_waits_for_one_that_takes_long_to_open) {
  gpu_.hold();
  RawClient client(server_.port());
  client.send(post("/v2/cudasharedmemory/region/r/register", order()));
  gpu_.wait_until_held();
  EXPECT_EQ(server_.ask(get("/v2/health/live")).status, 200);
  EXPECT_EQ(list(), "[]");
  gpu_.release();
  EXPECT_EQ(client.reply().status, 200);
}

TEST_F(CudaRegionsTest, one_that_opens_while_the_front_end_ends_is_answered_before) {
  gpu_.hold();
  RawClient client(server_.port());
  client.send(post("/v2/cudasharedmemory/region/r/register", order()));
  gpu_.wait_until_held();
  server_->stop_accepting();
  gpu_.release();
  EXPECT_TRUE(server_->drain(std::chrono::seconds(60)));
  EXPECT_EQ(client.reply().status, 200);
}

TEST(CudaRegionsOff, are_none_and_cannot_be_had) {
  FakeGpu gpu(64);
  RunningFrontend server(steady_clock(), false, gpu.opener());
  ASSERT_TRUE(server.start().ok());
  const RawReply refused = server.ask(post("/v2/cudasharedmemory/region/r/register", order()));
  EXPECT_EQ(refused.status, 501);
  EXPECT_NE(refused.body.find("--shared-memory"), std::string::npos) << refused.body;
  EXPECT_EQ(server.ask(get("/v2/cudasharedmemory/status")).body, "[]");
  EXPECT_EQ(server.ask(get("/v2/cudasharedmemory/region/r/status")).status, 404);
  EXPECT_EQ(server.ask(post("/v2/cudasharedmemory/unregister")).status, 200);
  EXPECT_EQ(gpu.opened_count(), 0);
}

}  // namespace
}  // namespace muster
