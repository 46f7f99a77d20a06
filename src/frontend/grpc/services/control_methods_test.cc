// SPDX-License-Identifier: Apache-2.0
// Every method but inference, through a real client; and the rights that each one needs.
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "frontend/grpc/testing/grpc_server.h"

namespace muster::testing {
namespace {

// Loads end when the test says so.
class SlowModels final : public ModelControl {
 public:
  [[nodiscard]] bool ready() const override { return true; }
  [[nodiscard]] Status model_ready(std::string_view, std::int64_t) const override { return {}; }
  [[nodiscard]] Result<std::vector<std::int64_t>> versions(std::string_view) const override {
    return std::vector<std::int64_t>{};
  }
  [[nodiscard]] std::vector<ModelIndexEntry> index(bool) const override { return {}; }
  [[nodiscard]] Result<std::vector<ModelStatistics>> statistics(std::string_view,
                                                                std::int64_t) const override {
    return std::vector<ModelStatistics>{};
  }
  [[nodiscard]] Result<ModelPreparation> preparation(std::string_view,
                                                     std::int64_t) const override {
    return ModelPreparation();
  }
  [[nodiscard]] Result<BatchingExplanation> explain(std::string_view, std::int64_t) const override {
    return BatchingExplanation();
  }
  void load(std::string, std::optional<std::string>, Done done) override {
    loading.set_value(std::move(done));
  }
  [[nodiscard]] Status unload(std::string_view) override { return {}; }

  std::promise<Done> loading;
};

// A call whose message does not come.
class HalfOpenCall {
 public:
  HalfOpenCall(const GrpcServer& server, const std::string& method)
      : stub_(server.channel()),
        call_(stub_.PrepareCall(&context_, "/inference.GRPCInferenceService/" + method, &queue_)) {
    call_->StartCall(nullptr);
  }
  HalfOpenCall(const HalfOpenCall&) = delete;
  HalfOpenCall& operator=(const HalfOpenCall&) = delete;
  ~HalfOpenCall() {
    context_.TryCancel();
    if (!ended_) (void)end();
  }

  // How it ends.
  [[nodiscard]] grpc::StatusCode end() {
    ended_ = true;
    grpc::Status status;
    call_->Finish(&status, &status);
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok) && tag != &status) {
    }
    return status.error_code();
  }

 private:
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  bool ended_ = false;
};

struct ControlMethodsTest : ::testing::Test {
  FakeClock clock;
  GrpcServer server{clock};
  std::string token;

  template <typename Request, typename Reply>
  Reply call(grpc::Status (Oip::Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
             const Request& request, grpc::StatusCode expected = grpc::StatusCode::OK) {
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    Reply reply;
    const auto stub = server.stub();
    const grpc::Status status = (*stub.*method)(&context, request, &reply);
    EXPECT_EQ(status.error_code(), expected) << status.error_message();
    message = status.error_message();
    return reply;
  }
  // What a client of its own making sends: any bytes, compressed, to any method.
  grpc::StatusCode send(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(server.channel());
    grpc::ClientContext context;
    context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    grpc::CompletionQueue queue;
    const grpc::Slice slice(bytes);
    auto call = stub.PrepareUnaryCall(&context, "/inference.GRPCInferenceService/" + method,
                                      grpc::ByteBuffer(&slice, 1), &queue);
    call->StartCall();
    grpc::ByteBuffer reply;
    grpc::Status status;
    call->Finish(&reply, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    message = status.error_message();
    return status.error_code();
  }
  // One token for each right, and one for two.
  void start_with_tokens() {
    server.fakes.require_tokens(
        "infer the-token-of-readers\nmetrics the-token-of-watchers\nadmin the-token-of-chiefs\n"
        "infer,admin the-token-of-both\n");
    server.start();
  }
  // Until the server has as many calls, whose messages may be still to come.
  void wait_until_begun(std::uint64_t calls) {
    while (server.fakes.metrics.grpc.requests.value() < calls)
      std::this_thread::yield();
  }
  std::string message;  // of the last call
};

TEST_F(ControlMethodsTest, tells_how_the_server_and_its_models_do) {
  server.start();
  EXPECT_TRUE(call<oip::ServerLiveRequest>(&Oip::Stub::ServerLive, {}).live());
  EXPECT_TRUE(call<oip::ServerReadyRequest>(&Oip::Stub::ServerReady, {}).ready());
  oip::ModelReadyRequest model;
  model.set_name("echo");
  EXPECT_TRUE(call(&Oip::Stub::ModelReady, model).ready());
  model.set_version("3");
  EXPECT_TRUE(call(&Oip::Stub::ModelReady, model).ready());
  model.set_version("4");
  EXPECT_FALSE(call(&Oip::Stub::ModelReady, model).ready());
  model.set_name("nobody");
  model.set_version("");
  EXPECT_FALSE(call(&Oip::Stub::ModelReady, model).ready()) << "an answer, and no error";
  model.set_version("three");
  call(&Oip::Stub::ModelReady, model, grpc::StatusCode::INVALID_ARGUMENT);
  server.fakes.models.is_ready = false;
  EXPECT_FALSE(call<oip::ServerReadyRequest>(&Oip::Stub::ServerReady, {}).ready());
}

TEST_F(ControlMethodsTest, tells_what_there_is) {
  server.fakes.identity.version = "1.2.3";
  server.start();
  const auto metadata = call<oip::ServerMetadataRequest>(&Oip::Stub::ServerMetadata, {});
  EXPECT_EQ(metadata.name(), "muster");
  EXPECT_EQ(metadata.version(), "1.2.3");
  oip::ModelMetadataRequest about;
  about.set_name("echo");
  const auto model = call(&Oip::Stub::ModelMetadata, about);
  EXPECT_EQ(model.name(), "echo");
  ASSERT_EQ(model.versions_size(), 1);
  EXPECT_EQ(model.versions(0), "3");
  ASSERT_EQ(model.inputs_size(), 1);
  EXPECT_EQ(model.inputs(0).shape(0), -1);
  about.set_name("nobody");
  call(&Oip::Stub::ModelMetadata, about, grpc::StatusCode::NOT_FOUND);
  oip::ModelConfigRequest config;
  config.set_name("echo");
  call(&Oip::Stub::ModelConfig, config);
  config.set_version("9");
  call(&Oip::Stub::ModelConfig, config, grpc::StatusCode::NOT_FOUND);
  oip::ModelStatisticsRequest statistics;
  EXPECT_EQ(call(&Oip::Stub::ModelStatistics, statistics).model_stats(0).name(), "echo");
}

TEST_F(ControlMethodsTest, lists_loads_and_unloads) {
  server.start();
  EXPECT_EQ(call<oip::RepositoryIndexRequest>(&Oip::Stub::RepositoryIndex, {}).models_size(), 2);
  oip::RepositoryIndexRequest ready;
  ready.set_ready(true);
  EXPECT_EQ(call(&Oip::Stub::RepositoryIndex, ready).models_size(), 1);
  oip::RepositoryModelLoadRequest load;
  load.set_model_name("echo");
  (*load.mutable_parameters())["config"].set_string_param("{}");
  call(&Oip::Stub::RepositoryModelLoad, load);
  (*load.mutable_parameters())["file:1/model.onnx"].set_bytes_param("x");
  call(&Oip::Stub::RepositoryModelLoad, load, grpc::StatusCode::INVALID_ARGUMENT);
  oip::RepositoryModelUnloadRequest unload;
  unload.set_model_name("echo");
  call(&Oip::Stub::RepositoryModelUnload, unload);
  server.stop();
  EXPECT_EQ(server.fakes.models.loaded, std::vector<std::string>{"echo {}"});
}

TEST_F(ControlMethodsTest, says_why_a_model_does_not_load) {
  server.fakes.models.load_outcome = not_found("no such model");
  server.start();
  call<oip::RepositoryModelLoadRequest>(&Oip::Stub::RepositoryModelLoad, {},
                                        grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(message, "no such model");
}

TEST_F(ControlMethodsTest, answers_others_while_a_model_loads) {
  SlowModels models;
  server.models = &models;
  server.start();
  auto load = std::async(std::launch::async, [this] {
    grpc::ClientContext context;
    oip::RepositoryModelLoadResponse reply;
    return server.stub()->RepositoryModelLoad(&context, {}, &reply).error_code();
  });
  const ModelControl::Done done = models.loading.get_future().get();
  EXPECT_TRUE(call<oip::ServerLiveRequest>(&Oip::Stub::ServerLive, {}).live());
  done(failed_precondition("broken"));
  EXPECT_EQ(load.get(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ControlMethodsTest, a_load_that_ends_after_the_front_end_has_gone_is_dropped) {
  SlowModels models;
  server.models = &models;
  server.start();
  auto load = std::async(std::launch::async, [stub = server.stub()] {
    grpc::ClientContext context;
    oip::RepositoryModelLoadResponse reply;
    return stub->RepositoryModelLoad(&context, {}, &reply).ok();
  });
  const ModelControl::Done done = models.loading.get_future().get();
  server.stop();
  EXPECT_FALSE(load.get());
  done(Status());
}

TEST_F(ControlMethodsTest, refuses_shared_memory_where_it_is_off) {
  server.start();
  oip::SystemSharedMemoryRegisterRequest add;
  add.set_name("r");
  call(&Oip::Stub::SystemSharedMemoryRegister, add, grpc::StatusCode::UNIMPLEMENTED);
  call<oip::SystemSharedMemoryStatusRequest>(&Oip::Stub::SystemSharedMemoryStatus, {},
                                             grpc::StatusCode::UNIMPLEMENTED);
  call<oip::SystemSharedMemoryUnregisterRequest>(&Oip::Stub::SystemSharedMemoryUnregister, {},
                                                 grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ControlMethodsTest, has_no_shared_memory_of_cuda_devices_where_it_is_off) {
  server.start();
  EXPECT_EQ(call<oip::CudaSharedMemoryStatusRequest>(&Oip::Stub::CudaSharedMemoryStatus, {})
                .regions_size(),
            0);
  call<oip::CudaSharedMemoryRegisterRequest>(&Oip::Stub::CudaSharedMemoryRegister, {},
                                             grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_NE(message.find("--shared-memory"), std::string::npos);
  // Clients clean up before they begin, as an unknown region of the system's is no error either.
  oip::CudaSharedMemoryUnregisterRequest remove;
  call(&Oip::Stub::CudaSharedMemoryUnregister, remove);
  remove.set_name("r");
  call(&Oip::Stub::CudaSharedMemoryUnregister, remove);
}

TEST_F(ControlMethodsTest, shows_and_changes_settings) {
  server.start();
  oip::LogSettingsRequest change;
  (*change.mutable_settings())["log_verbose_level"].set_uint32_param(1);
  EXPECT_EQ(call(&Oip::Stub::LogSettings, change).settings().at("log_verbose_level").uint32_param(),
            1U);
  (*change.mutable_settings())["log_file"].set_string_param("/tmp/x");
  call(&Oip::Stub::LogSettings, change, grpc::StatusCode::INVALID_ARGUMENT);
  const auto trace = call<oip::TraceSettingRequest>(&Oip::Stub::TraceSetting, {});
  EXPECT_EQ(trace.settings().at("trace_level").value(0), "OFF");
}

TEST_F(ControlMethodsTest, asks_for_the_right_that_each_call_needs) {
  start_with_tokens();
  using enum grpc::StatusCode;
  oip::LogSettingsRequest change;
  (*change.mutable_settings())["log_info"].set_bool_param(false);
  const auto all = [&](grpc::StatusCode infer, grpc::StatusCode admin) {
    call<oip::ServerLiveRequest>(&Oip::Stub::ServerLive, {});
    call<oip::ServerReadyRequest>(&Oip::Stub::ServerReady, {});
    call<oip::ModelReadyRequest>(&Oip::Stub::ModelReady, {});
    call<oip::ServerMetadataRequest>(&Oip::Stub::ServerMetadata, {}, infer);
    call<oip::RepositoryIndexRequest>(&Oip::Stub::RepositoryIndex, {}, infer);
    call(&Oip::Stub::ModelInfer, echo_request(), infer);
    call<oip::LogSettingsRequest>(&Oip::Stub::LogSettings, {}, infer);
    call<oip::RepositoryModelLoadRequest>(&Oip::Stub::RepositoryModelLoad, {}, admin);
    call<oip::RepositoryModelUnloadRequest>(&Oip::Stub::RepositoryModelUnload, {}, admin);
    call(&Oip::Stub::LogSettings, change, admin);
  };
  all(UNAUTHENTICATED, UNAUTHENTICATED);
  token = "nobody's";
  all(UNAUTHENTICATED, UNAUTHENTICATED);
  token = "the-token-of-readers";
  all(OK, PERMISSION_DENIED);
  token = "the-token-of-chiefs";
  all(PERMISSION_DENIED, OK);
  token = "the-token-of-both";
  all(OK, OK);
}

TEST_F(ControlMethodsTest, reads_no_message_of_somebody_without_a_right) {
  start_with_tokens();
  using enum grpc::StatusCode;
  const std::string nonsense = "\xff\xff\xff";
  for (const char* method : {"TraceSetting", "LogSettings"}) {
    token = "";
    EXPECT_EQ(send(method, nonsense), UNAUTHENTICATED) << method;
    token = "the-token-of-watchers";
    EXPECT_EQ(send(method, nonsense), PERMISSION_DENIED) << method;
    token = "the-token-of-readers";
    EXPECT_EQ(send(method, nonsense), INVALID_ARGUMENT) << method;
    token = "the-token-of-chiefs";
    EXPECT_EQ(send(method, nonsense), INVALID_ARGUMENT) << method;
  }
}

TEST_F(ControlMethodsTest, parses_no_message_over_its_limit) {
  server.fakes.limits.max_control_bytes = 50'000;
  server.start();
  using enum grpc::StatusCode;
  // Few bytes as they come, and texts of messages that fit every one of these.
  const auto name_of = [](std::size_t bytes) {
    oip::ModelReadyRequest request;
    request.set_name(std::string(bytes, 'x'));
    return request.SerializeAsString();
  };
  for (const char* method : {"ModelMetadata", "ModelStatistics", "RepositoryModelUnload"}) {
    EXPECT_EQ(send(method, name_of(60'000)), INVALID_ARGUMENT) << method;
    EXPECT_NE(message.find("50000"), std::string::npos) << message;
    EXPECT_NE(send(method, name_of(40'000)), INVALID_ARGUMENT) << method << message;
  }
  // What needs no right has the size of a head.
  EXPECT_EQ(send("ModelReady", name_of(20'000)), INVALID_ARGUMENT);
  EXPECT_NE(message.find(std::to_string(server.fakes.limits.max_header_bytes)), std::string::npos);
  EXPECT_EQ(send("ModelReady", name_of(10'000)), OK);
  // Not compressed either.
  oip::LogSettingsRequest change;
  (*change.mutable_settings())["log_format"].set_string_param(std::string(60'000, 'x'));
  call(&Oip::Stub::LogSettings, change, RESOURCE_EXHAUSTED);
  EXPECT_NE(message.find("the limit is 50000"), std::string::npos) << message;
}

TEST_F(ControlMethodsTest, takes_as_many_settings_as_parameters_may_be) {
  server.start();
  oip::LogSettingsRequest change;
  for (int number = 0; number < 300; ++number)
    (*change.mutable_settings())["s" + std::to_string(number)];
  call(&Oip::Stub::LogSettings, change, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(message, "there are more than 256 settings");
}

TEST_F(ControlMethodsTest, beyond_loopback_administration_needs_a_token) {
  server.options.listeners[0].address = "0.0.0.0";
  server.start();
  call<oip::ServerMetadataRequest>(&Oip::Stub::ServerMetadata, {});
  call<oip::RepositoryModelUnloadRequest>(&Oip::Stub::RepositoryModelUnload, {},
                                          grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(ControlMethodsTest, a_call_without_its_message_holds_up_no_stop) {
  server.start();
  HalfOpenCall settings(server, "LogSettings");
  HalfOpenCall load(server, "RepositoryModelLoad");
  HalfOpenCall health(server, "ServerReady");
  wait_until_begun(3);
  server.frontend().stop_accepting();
  EXPECT_EQ(settings.end(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(load.end(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(health.end(), grpc::StatusCode::UNAVAILABLE);
  // Health is asked to the end.
  const HalfOpenCall late(server, "ServerReady");
  wait_until_begun(4);
  EXPECT_FALSE(call<oip::ServerReadyRequest>(&Oip::Stub::ServerReady, {}).ready());
  EXPECT_TRUE(server.frontend().drain(std::chrono::seconds(20)));
}

TEST_F(ControlMethodsTest, a_call_has_its_message_in_time_or_ends) {
  server.fakes.limits.send_timeout = std::chrono::milliseconds(20);  // how often it is looked at
  server.start();
  HalfOpenCall settings(server, "TraceSetting");
  HalfOpenCall load(server, "RepositoryModelLoad");
  wait_until_begun(2);
  // A stream may be open for long before its first question.
  const auto stub = server.stub();
  grpc::ClientContext context;
  const auto stream = stub->ModelStreamInfer(&context);
  ASSERT_TRUE(stream->Write(echo_request()));
  oip::ModelStreamInferResponse response;
  ASSERT_TRUE(stream->Read(&response));
  clock.advance(server.fakes.limits.receive_timeout);
  EXPECT_EQ(settings.end(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(load.end(), grpc::StatusCode::CANCELLED);
  ASSERT_TRUE(stream->Write(echo_request()));
  ASSERT_TRUE(stream->Read(&response));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ControlMethodsTest, knows_no_other_methods) {
  server.start();
  grpc::GenericStub stub(server.channel());
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  auto call = stub.PrepareUnaryCall(&context, "/inference.GRPCInferenceService/Nothing",
                                    grpc::ByteBuffer(), &queue);
  call->StartCall();
  grpc::ByteBuffer reply;
  grpc::Status status;
  call->Finish(&reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

}  // namespace
}  // namespace muster::testing
