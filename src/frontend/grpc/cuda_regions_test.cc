// SPDX-License-Identifier: Apache-2.0
// CUDA shared memory over gRPC, with a GPU that is played.
#include <future>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "frontend/grpc/testing/grpc_server.h"
#include "shared_memory/testing/fake_gpu.h"

namespace muster::testing {
namespace {

oip::CudaSharedMemoryRegisterRequest order(std::string name, std::string handle = "gpu",
                                           std::int64_t device = 0, std::uint64_t size = 64) {
  oip::CudaSharedMemoryRegisterRequest request;
  request.set_name(std::move(name));
  request.set_raw_handle(std::move(handle));
  request.set_device_id(device);
  request.set_byte_size(size);
  return request;
}

template <typename Tensor>
void lie_in_region(Tensor& tensor, std::int64_t offset) {
  (*tensor.mutable_parameters())["shared_memory_region"].set_string_param("r");
  (*tensor.mutable_parameters())["shared_memory_offset"].set_int64_param(offset);
  (*tensor.mutable_parameters())["shared_memory_byte_size"].set_int64_param(16);
}

class CudaRegionsTest : public ::testing::Test {
 protected:
  void SetUp() override { server_.start(); }

  grpc::Status add(const oip::CudaSharedMemoryRegisterRequest& request) {
    grpc::ClientContext context;
    oip::CudaSharedMemoryRegisterResponse reply;
    return server_.stub()->CudaSharedMemoryRegister(&context, request, &reply);
  }
  grpc::Status remove(const std::string& name) {
    grpc::ClientContext context;
    oip::CudaSharedMemoryUnregisterRequest request;
    request.set_name(name);
    oip::CudaSharedMemoryUnregisterResponse reply;
    return server_.stub()->CudaSharedMemoryUnregister(&context, request, &reply);
  }
  std::pair<grpc::Status, oip::CudaSharedMemoryStatusResponse> list(const std::string& name = "") {
    grpc::ClientContext context;
    oip::CudaSharedMemoryStatusRequest request;
    request.set_name(name);
    oip::CudaSharedMemoryStatusResponse reply;
    grpc::Status status = server_.stub()->CudaSharedMemoryStatus(&context, request, &reply);
    return {std::move(status), std::move(reply)};
  }

  FakeGpu gpu_{64};
  GrpcServer server_{steady_clock(), true, gpu_.opener()};
};

TEST_F(CudaRegionsTest, come_and_go) {
  EXPECT_EQ(list().second.regions_size(), 0);
  ASSERT_TRUE(add(order("r")).ok());
  ASSERT_TRUE(add(order("s", "gpu", 0, 32)).ok());
  const auto both = list().second;
  ASSERT_EQ(both.regions_size(), 2);
  EXPECT_EQ(both.regions().at("s").name(), "s");
  EXPECT_EQ(both.regions().at("s").device_id(), 0U);
  EXPECT_EQ(both.regions().at("s").byte_size(), 32U);
  EXPECT_EQ(list("r").second.regions_size(), 1);
  EXPECT_EQ(list("t").first.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(remove("r").ok());
  EXPECT_EQ(list().second.regions_size(), 1);
  EXPECT_TRUE(remove("").ok());
  EXPECT_EQ(list().second.regions_size(), 0);
  EXPECT_EQ(gpu_.open_count(), 0);
}

TEST_F(CudaRegionsTest, carry_tensors_both_ways) {
  ASSERT_TRUE(add(order("r")).ok());
  gpu_.put(16, floats({1, 2, 3, 4}));
  oip::ModelInferRequest request = echo_request();
  request.clear_raw_input_contents();
  lie_in_region(*request.mutable_inputs(0), 16);
  auto& output = *request.add_outputs();
  output.set_name("y");
  lie_in_region(output, 48);
  grpc::ClientContext context;
  oip::ModelInferResponse reply;
  const grpc::Status status = server_.stub()->ModelInfer(&context, request, &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(gpu_.get(48, 16), floats({1, 2, 3, 4}));
}

TEST_F(CudaRegionsTest, are_refused_with_the_reason) {
  const auto refusal = [&](const oip::CudaSharedMemoryRegisterRequest& request) {
    const grpc::Status status = add(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    return status.error_message();
  };
  EXPECT_NE(refusal({}).find("raw_handle has 0 bytes"), std::string::npos);
  EXPECT_NE(refusal(order("r", std::string(1025, 'g'))).find("1025 bytes"), std::string::npos);
  EXPECT_NE(refusal(order("")).find("name"), std::string::npos);
  EXPECT_NE(refusal(order("r", "other")).find("names no memory"), std::string::npos);
  EXPECT_NE(refusal(order("r", "gpu", 1)).find("there is no GPU 1"), std::string::npos);
  EXPECT_NE(refusal(order("r", "gpu", -1)).find("GPU -1"), std::string::npos);
  EXPECT_NE(refusal(order("r", "gpu", 0, 65)).find("has 64 bytes"), std::string::npos);
}

TEST_F(CudaRegionsTest, nobody_waits_for_one_that_takes_long_to_open) {
  gpu_.hold();
  auto added = std::async(std::launch::async, [&] { return add(order("r")); });
  gpu_.wait_until_held();
  EXPECT_EQ(list().second.regions_size(), 0);
  gpu_.release();
  EXPECT_TRUE(added.get().ok());
  EXPECT_EQ(list().second.regions_size(), 1);
}

TEST_F(CudaRegionsTest, one_whose_client_has_gone_is_opened_all_the_same) {
  gpu_.hold();
  grpc::ClientContext context;
  auto added = std::async(std::launch::async, [&, stub = server_.stub()] {
    oip::CudaSharedMemoryRegisterResponse reply;
    return stub->CudaSharedMemoryRegister(&context, order("r"), &reply);
  });
  gpu_.wait_until_held();
  context.TryCancel();
  EXPECT_EQ(added.get().error_code(), grpc::StatusCode::CANCELLED);
  // Behind it, so that it is open when this is answered.
  auto behind = std::async(std::launch::async, [&] { return add(order("s")); });
  gpu_.release();
  EXPECT_TRUE(behind.get().ok());
  EXPECT_EQ(list().second.regions_size(), 2);
}

TEST(CudaRegionsOff, cannot_be_had) {
  FakeGpu gpu(64);
  GrpcServer server(steady_clock(), false, gpu.opener());
  server.start();
  grpc::ClientContext context;
  oip::CudaSharedMemoryRegisterResponse reply;
  EXPECT_EQ(server.stub()->CudaSharedMemoryRegister(&context, order("r"), &reply).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(gpu.opened_count(), 0);
}

}  // namespace
}  // namespace muster::testing
