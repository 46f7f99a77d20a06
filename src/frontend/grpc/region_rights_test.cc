// SPDX-License-Identifier: Apache-2.0
// Naming a region of shared memory in an inference takes what registering it takes.
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "frontend/grpc/testing/grpc_server.h"
#include "protocol/testing/shared_memory_object.h"

namespace muster::testing {
namespace {

constexpr char kReader[] = "infer-token-0123456789";
constexpr char kBoth[] = "both-token-0123456789a";

template <typename Tensor>
void lie_in_region(Tensor& tensor, std::int64_t bytes) {
  (*tensor.mutable_parameters())["shared_memory_region"].set_string_param("r");
  (*tensor.mutable_parameters())["shared_memory_byte_size"].set_int64_param(bytes);
}

oip::ModelInferRequest reading() {
  oip::ModelInferRequest request = echo_request();
  request.mutable_inputs(0)->set_datatype("BOOL");
  lie_in_region(*request.mutable_inputs(0), 4);
  request.clear_raw_input_contents();
  return request;
}

oip::ModelInferRequest writing() {
  oip::ModelInferRequest request = echo_request();
  auto& output = *request.add_outputs();
  output.set_name("y");
  lie_in_region(output, 16);
  return request;
}

struct RegionRightsTest : ::testing::Test {
  const SharedMemoryObject object{std::string(16, '\1')};
  GrpcServer server{steady_clock(), true};
  std::size_t listener = 0;

  void start() {
    ASSERT_TRUE(server.fakes.regions.add("r", object.key(), 0, 16).ok());
    server.start();
  }
  void with_tokens() {
    server.fakes.require_tokens("infer " + std::string(kReader) + "\ninfer,admin " +
                                std::string(kBoth) + "\n");
  }
  grpc::Status infer(const oip::ModelInferRequest& request, const std::string& token = "") {
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    oip::ModelInferResponse response;
    return server.stub(listener)->ModelInfer(&context, request, &response);
  }
  // On a stream, in whose answers errors are words alone.
  std::string stream(const oip::ModelInferRequest& request, const std::string& token) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token);
    const auto stub = server.stub();
    const auto call = stub->ModelStreamInfer(&context);
    oip::ModelStreamInferResponse response;
    EXPECT_TRUE(call->Write(request));
    EXPECT_TRUE(call->Read(&response));
    call->WritesDone();
    EXPECT_TRUE(call->Finish().ok());
    return response.error_message();
  }
};

TEST_F(RegionRightsTest, on_loopback_without_tokens_everybody_may) {
  start();
  EXPECT_TRUE(infer(reading()).ok());
  EXPECT_TRUE(infer(writing()).ok());
  EXPECT_EQ(object.read(16), floats({1, 2, 3, 4}));
}

TEST_F(RegionRightsTest, beyond_loopback_nobody_may_without_a_token) {
  server.options.listeners[0].address = "0.0.0.0";
  const std::string path = ::testing::TempDir() + "regions.grpc" + std::to_string(::getpid());
  server.options.listeners.push_back({.address = path, .unix_socket = true});
  start();
  const grpc::Status read = infer(reading());
  EXPECT_EQ(read.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(read.error_message().starts_with("input 'x': naming shared memory: "))
      << read.error_message();
  EXPECT_EQ(infer(writing()).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(infer(echo_request()).ok());
  EXPECT_EQ(object.read(16), std::string(16, '\1'));
  listener = 1;
  EXPECT_TRUE(infer(reading()).ok()) << "its file's permissions guard it";
}

TEST_F(RegionRightsTest, with_tokens_it_takes_the_right_admin_beside_infer) {
  with_tokens();
  start();
  for (const auto& request : {reading(), writing()}) {
    EXPECT_EQ(infer(request, kReader).error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_NE(stream(request, kReader).find("does not have the right admin"), std::string::npos);
    EXPECT_TRUE(infer(request, kBoth).ok());
    EXPECT_EQ(stream(request, kBoth), "");
  }
  EXPECT_TRUE(infer(echo_request(), kReader).ok());
}

}  // namespace
}  // namespace muster::testing
