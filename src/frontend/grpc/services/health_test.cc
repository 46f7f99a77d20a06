// SPDX-License-Identifier: Apache-2.0
// gRPC's own services: health and reflection.
#include <chrono>
#include <string>

#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "frontend/grpc/testing/grpc_server.h"
#include "grpc_health.pb.h"
#include "grpc_reflection_v1alpha.pb.h"

namespace muster::testing {
namespace {

namespace health = ::grpc::health::v1;
namespace reflection = ::grpc::reflection::v1alpha;

// A stream of messages to and from a method that we have no generated client for, one step at a
// time.
class Talk {
 public:
  Talk(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
       const std::string& token = "")
      : stub_(channel) {
    if (!token.empty()) context_.AddMetadata("authorization", "bearer " + token);
    stream_ = stub_.PrepareCall(&context_, method, &queue_);
    stream_->StartCall(nullptr);
    step();
  }
  void say(const google::protobuf::Message& message, bool last = false) {
    const grpc::Slice slice(message.SerializeAsString());
    grpc::WriteOptions options;
    if (last) options.set_last_message();
    stream_->Write(grpc::ByteBuffer(&slice, 1), options, nullptr);
    step();
  }
  bool hear(google::protobuf::Message& message) {
    grpc::ByteBuffer bytes;
    stream_->Read(&bytes, nullptr);
    if (!step()) return false;
    grpc::Slice slice;
    EXPECT_TRUE(bytes.DumpToSingleSlice(&slice).ok());
    return message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  }
  grpc::Status end() {
    grpc::Status status;
    stream_->Finish(&status, nullptr);
    step();
    return status;
  }
  void cancel() { context_.TryCancel(); }

 private:
  bool step() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

health::HealthCheckRequest about(const std::string& service) {
  health::HealthCheckRequest request;
  request.set_service(service);
  return request;
}

struct HealthTest : ::testing::Test {
  GrpcServer server;

  grpc::Status check(const std::string& service, health::HealthCheckResponse& response) {
    Talk talk(server.channel(), "/grpc.health.v1.Health/Check");
    talk.say(about(service), true);
    talk.hear(response);
    return talk.end();
  }
};

TEST_F(HealthTest, serves_while_the_server_is_ready) {
  server.start();
  health::HealthCheckResponse response;
  ASSERT_TRUE(check("", response).ok());
  EXPECT_EQ(response.status(), health::HealthCheckResponse::SERVING);
  ASSERT_TRUE(check("inference.GRPCInferenceService", response).ok());
  EXPECT_EQ(response.status(), health::HealthCheckResponse::SERVING);
  EXPECT_EQ(check("another.Service", response).error_code(), grpc::StatusCode::NOT_FOUND);
  server.fakes.models.is_ready = false;
  ASSERT_TRUE(check("", response).ok());
  EXPECT_EQ(response.status(), health::HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthTest, a_watcher_hears_of_the_stop) {
  server.start();
  Talk talk(server.channel(), "/grpc.health.v1.Health/Watch");
  talk.say(about(""), true);
  health::HealthCheckResponse response;
  ASSERT_TRUE(talk.hear(response));
  EXPECT_EQ(response.status(), health::HealthCheckResponse::SERVING);
  server.frontend().stop_accepting();
  ASSERT_TRUE(talk.hear(response));
  EXPECT_EQ(response.status(), health::HealthCheckResponse::NOT_SERVING);
  EXPECT_TRUE(server.frontend().drain(std::chrono::minutes(1))) << "watchers hold up nothing";
  ASSERT_TRUE(check("", response).ok()) << "health answers to the end";
  EXPECT_EQ(response.status(), health::HealthCheckResponse::NOT_SERVING);
  server.stop();
  EXPECT_FALSE(talk.end().ok());
}

TEST_F(HealthTest, watching_an_unknown_service_goes_on) {
  server.start();
  Talk talk(server.channel(), "/grpc.health.v1.Health/Watch");
  talk.say(about("another.Service"), true);
  health::HealthCheckResponse response;
  ASSERT_TRUE(talk.hear(response));
  EXPECT_EQ(response.status(), health::HealthCheckResponse::SERVICE_UNKNOWN);
  talk.cancel();
  EXPECT_EQ(talk.end().error_code(), grpc::StatusCode::CANCELLED);
}

struct ReflectionTest : ::testing::Test {
  static constexpr const char* kMethod =
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  GrpcServer server;
};

TEST_F(ReflectionTest, lists_the_services) {
  server.start();
  for (const std::string version : {"v1alpha", "v1"}) {
    Talk talk(server.channel(),
              "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo");
    reflection::ServerReflectionRequest request;
    request.set_list_services("");
    talk.say(request, true);
    reflection::ServerReflectionResponse response;
    ASSERT_TRUE(talk.hear(response));
    ASSERT_EQ(response.list_services_response().service_size(), 4);
    EXPECT_EQ(response.list_services_response().service(0).name(),
              "inference.GRPCInferenceService");
    EXPECT_TRUE(talk.end().ok());
  }
}

TEST_F(ReflectionTest, gives_the_file_of_a_symbol_and_all_that_it_imports) {
  server.start();
  Talk talk(server.channel(), kMethod);
  reflection::ServerReflectionResponse response;
  for (const std::string symbol :
       {"inference.GRPCInferenceService", "inference.ModelInferRequest", "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}) {
    reflection::ServerReflectionRequest request;
    request.set_file_containing_symbol(symbol);
    talk.say(request);
    ASSERT_TRUE(talk.hear(response));
    ASSERT_TRUE(response.has_file_descriptor_response()) << symbol;
  }
  reflection::ServerReflectionRequest request;
  request.set_file_by_filename("open_inference.proto");
  talk.say(request);
  ASSERT_TRUE(talk.hear(response));
  ASSERT_EQ(response.file_descriptor_response().file_descriptor_proto_size(), 2);
  google::protobuf::FileDescriptorProto file;
  ASSERT_TRUE(file.ParseFromString(response.file_descriptor_response().file_descriptor_proto(0)));
  EXPECT_EQ(file.service(0).method_size(), 20);
}

TEST_F(ReflectionTest, answers_what_is_not_there_and_goes_on) {
  server.start();
  Talk talk(server.channel(), kMethod);
  reflection::ServerReflectionRequest request;
  reflection::ServerReflectionResponse response;
  request.set_file_containing_symbol("no.Such");
  talk.say(request);
  ASSERT_TRUE(talk.hear(response));
  EXPECT_EQ(response.error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(response.original_request().file_containing_symbol(), "no.Such");
  talk.say(reflection::ServerReflectionRequest());
  ASSERT_TRUE(talk.hear(response));
  EXPECT_EQ(response.error_response().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ReflectionTest, needs_the_right_to_infer) {
  server.fakes.require_tokens("infer the-token-of-readers\n");
  server.start();
  {
    Talk talk(server.channel(), kMethod);
    EXPECT_EQ(talk.end().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  }
  Talk talk(server.channel(), kMethod, "the-token-of-readers");
  reflection::ServerReflectionRequest request;
  request.set_list_services("");
  talk.say(request, true);
  reflection::ServerReflectionResponse response;
  EXPECT_TRUE(talk.hear(response));
}

}  // namespace
}  // namespace muster::testing
