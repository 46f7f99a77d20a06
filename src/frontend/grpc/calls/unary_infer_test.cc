// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <future>
#include <map>
#include <random>
#include <string>
#include <thread>

#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "frontend/grpc/testing/grpc_server.h"

namespace muster::testing {
namespace {

struct UnaryInferTest : ::testing::Test {
  GrpcServer server;

  grpc::Status infer(const oip::ModelInferRequest& request, oip::ModelInferResponse& response,
                     grpc::ClientContext& context) {
    return server.stub()->ModelInfer(&context, request, &response);
  }
  grpc::Status infer(const oip::ModelInferRequest& request) {
    grpc::ClientContext context;
    oip::ModelInferResponse response;
    return infer(request, response, context);
  }
  // What a client of its own making sends: any bytes.
  grpc::Status send_bytes(const std::string& bytes) {
    grpc::GenericStub stub(server.channel());
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    grpc::Slice slice(bytes);
    auto call = stub.PrepareUnaryCall(&context, "/inference.GRPCInferenceService/ModelInfer",
                                      grpc::ByteBuffer(&slice, 1), &queue);
    call->StartCall();
    grpc::ByteBuffer reply;
    grpc::Status status;
    call->Finish(&reply, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  }
};

TEST_F(UnaryInferTest, answers_with_the_outputs_and_the_id) {
  server.start();
  grpc::ClientContext context;
  oip::ModelInferResponse response;
  const grpc::Status status = infer(echo_request("the id", 7), response, context);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.id(), "the id");
  EXPECT_EQ(response.model_name(), "echo");
  EXPECT_EQ(response.model_version(), "3");
  ASSERT_EQ(response.outputs_size(), 1);
  EXPECT_EQ(response.outputs(0).name(), "y");
  EXPECT_EQ(response.raw_output_contents(0), floats({7, 2, 3, 4}));
}

TEST_F(UnaryInferTest, tells_in_trailing_metadata_where_time_went) {
  server.start();
  grpc::ClientContext context;
  oip::ModelInferResponse response;
  ASSERT_TRUE(infer(echo_request(), response, context).ok());
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto timing = metadata.find("muster-timing");
  ASSERT_NE(timing, metadata.end());
  EXPECT_EQ(
      std::string(timing->second.data(), timing->second.size()),
      R"(queue;dur=0.012, batch;dur=0.003;desc="rows=8", compute;dur=0.120;desc="version=3")");
}

TEST_F(UnaryInferTest, answers_many_calls_at_a_time) {
  server.fakes.inference.hold();
  server.start();
  const auto stub = server.stub();
  constexpr int kCalls = 300;
  struct Call {
    grpc::ClientContext context;
    oip::ModelInferResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<oip::ModelInferResponse>> reader;
  };
  std::vector<Call> calls(kCalls);
  grpc::CompletionQueue queue;
  for (int round = 0; round < 2; ++round) {
    if (round == 1) calls = std::vector<Call>(kCalls);
    for (int number = 0; number < kCalls; ++number) {
      Call& call = calls[static_cast<std::size_t>(number)];
      call.reader = stub->AsyncModelInfer(
          &call.context, echo_request(std::to_string(number), static_cast<float>(number)), &queue);
      call.reader->Finish(&call.response, &call.status, &call);
    }
    if (round == 0) {
      server.fakes.inference.wait_until_held(kCalls);
      server.fakes.inference.release();
    }
    for (int number = 0; number < kCalls; ++number) {
      void* tag = nullptr;
      bool ok = false;
      ASSERT_TRUE(queue.Next(&tag, &ok));
    }
    for (int number = 0; number < kCalls; ++number) {
      const Call& call = calls[static_cast<std::size_t>(number)];
      ASSERT_TRUE(call.status.ok()) << call.status.error_message();
      EXPECT_EQ(call.response.id(), std::to_string(number));
      EXPECT_EQ(call.response.raw_output_contents(0),
                floats({static_cast<float>(number), 2, 3, 4}));
    }
  }
}

TEST_F(UnaryInferTest, fails_with_the_codes_that_clients_rely_on) {
  server.start();
  oip::ModelInferRequest unknown = echo_request();
  unknown.set_model_name("nobody");
  EXPECT_EQ(infer(unknown).error_code(), grpc::StatusCode::NOT_FOUND);
  oip::ModelInferRequest wrong = echo_request();
  wrong.mutable_inputs(0)->set_datatype("FP33");
  EXPECT_EQ(infer(wrong).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const std::map<StatusCode, grpc::StatusCode> codes = {
      {StatusCode::kResourceExhausted, grpc::StatusCode::UNAVAILABLE},
      {StatusCode::kUnavailable, grpc::StatusCode::UNAVAILABLE},
      {StatusCode::kDeadlineExceeded, grpc::StatusCode::UNAVAILABLE},
      {StatusCode::kUnimplemented, grpc::StatusCode::UNIMPLEMENTED},
      {StatusCode::kInternal, grpc::StatusCode::INTERNAL}};
  for (const auto& [code, expected] : codes) {
    server.fakes.inference.refuse(Status(code, "a file called secret"));
    const grpc::Status status = infer(echo_request());
    EXPECT_EQ(status.error_code(), expected);
    EXPECT_EQ(status.error_message().find("secret") == std::string::npos,
              code == StatusCode::kInternal);
  }
}

TEST_F(UnaryInferTest, takes_the_calls_deadline_for_the_request) {
  server.fakes.inference.refuse(Status(StatusCode::kDeadlineExceeded, "too late"));
  server.start();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  oip::ModelInferResponse response;
  EXPECT_EQ(infer(echo_request(), response, context).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(UnaryInferTest, a_timeout_that_ends_before_the_deadline_is_no_deadline_of_the_call) {
  server.fakes.inference.refuse(Status(StatusCode::kDeadlineExceeded, "too late"));
  server.start();
  oip::ModelInferRequest request = echo_request();
  (*request.mutable_parameters())["timeout"].set_int64_param(1000);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  oip::ModelInferResponse response;
  EXPECT_EQ(infer(request, response, context).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(UnaryInferTest, cancels_the_request_of_a_client_that_goes) {
  server.fakes.inference.hold();
  server.start();
  grpc::ClientContext context;
  oip::ModelInferResponse response;
  auto status =
      std::async(std::launch::async, [&] { return infer(echo_request(), response, context); });
  server.fakes.inference.wait_until_held(1);
  context.TryCancel();
  server.fakes.inference.wait_until_cancelled(1);
  EXPECT_EQ(status.get().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(UnaryInferTest, cancels_the_request_whose_deadline_comes) {
  server.fakes.inference.hold();
  server.start();
  const auto before = server.fakes.inference.last_deadline();
  // On a machine that stands still a deadline is over before its request has come to the server.
  for (auto patience = std::chrono::milliseconds(50);
       server.fakes.inference.last_deadline() == before; patience *= 2) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + patience);
    oip::ModelInferResponse response;
    ASSERT_EQ(infer(echo_request(), response, context).error_code(),
              grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  server.fakes.inference.wait_until_cancelled(1);
}

TEST_F(UnaryInferTest, an_answer_after_the_front_end_has_gone_is_dropped) {
  server.fakes.inference.hold();
  server.start();
  // The fake keeps these when they are cancelled, as a running batch would.
  server.fakes.inference.ignore_cancels();
  auto status = std::async(std::launch::async, [stub = server.stub()] {
    grpc::ClientContext context;
    oip::ModelInferResponse response;
    return stub->ModelInfer(&context, echo_request(), &response);
  });
  server.fakes.inference.wait_until_held(1);
  server.stop();
  EXPECT_FALSE(status.get().ok());
  server.fakes.inference.release();
}

TEST_F(UnaryInferTest, speaks_compressed_with_clients_that_do) {
  server.start();
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    oip::ModelInferRequest request = echo_request();
    request.mutable_inputs(0)->set_shape(0, 5000);
    request.set_raw_input_contents(0, std::string(5000 * 16, '\1'));
    grpc::ClientContext context;
    context.set_compression_algorithm(algorithm);
    oip::ModelInferResponse response;
    const grpc::Status status = infer(request, response, context);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.raw_output_contents(0), request.raw_input_contents(0));
    EXPECT_LT(server.fakes.metrics.grpc.received_bytes.value(), 10'000U) << "as it came";
  }
}

TEST_F(UnaryInferTest, refuses_what_is_too_large_when_inflated) {
  server.fakes.limits.max_decompressed_bytes = 100'000;
  server.start();
  oip::ModelInferRequest request = echo_request();
  request.set_raw_input_contents(0, std::string(10'000'000, '\0'));
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  oip::ModelInferResponse response;
  const grpc::Status status = infer(request, response, context);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(status.error_message().find("100000"), std::string::npos) << status.error_message();
}

TEST_F(UnaryInferTest, refuses_messages_over_the_limit) {
  server.fakes.limits.max_body_bytes = 10'000;
  server.start();
  oip::ModelInferRequest request = echo_request();
  request.set_raw_input_contents(0, std::string(20'000, '\0'));
  EXPECT_EQ(infer(request).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(infer(echo_request()).ok());
}

// A tensor is two bytes here and a hundred in memory.
TEST_F(UnaryInferTest, counts_tensors_and_parameters_while_it_reads) {
  server.start();
  std::string empty_inputs;
  for (int input = 0; input < 2000; ++input)
    empty_inputs += std::string("\x2a\0", 2);
  EXPECT_NE(send_bytes(empty_inputs).error_message().find("more than 1024 inputs"),
            std::string::npos);
  oip::ModelInferRequest request = echo_request();
  for (int parameter = 0; parameter < 300; ++parameter) {
    (*request.mutable_inputs(0)->mutable_parameters())["p" + std::to_string(parameter)]
        .set_bool_param(true);
  }
  EXPECT_NE(infer(request).error_message().find("more than 256 parameters of a tensor"),
            std::string::npos);
  request = echo_request();
  for (int output = 0; output < 2000; ++output)
    request.add_outputs()->set_name("y" + std::to_string(output));
  EXPECT_EQ(infer(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(UnaryInferTest, takes_and_sends_messages_of_tens_of_megabytes) {
  server.start();
  oip::ModelInferRequest request = echo_request();
  constexpr std::int64_t kRows = 2 << 20;
  request.mutable_inputs(0)->set_shape(0, kRows);
  request.set_raw_input_contents(0, std::string(kRows * 16, '\2'));
  grpc::ClientContext context;
  oip::ModelInferResponse response;
  const grpc::Status status = infer(request, response, context);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.raw_output_contents(0) == request.raw_input_contents(0));
}

// Read in part into the thread's buffer and in part into the message, side by side on one
// connection.
TEST_F(UnaryInferTest, puts_every_byte_of_messages_of_any_size_where_it_belongs) {
  server.start();
  const auto channel = server.channel();
  const auto ask = [&channel](std::int64_t rows, std::uint32_t seed) {
    oip::ModelInferRequest request = echo_request();
    request.mutable_inputs(0)->set_shape(0, rows);
    std::string values(static_cast<std::size_t>(rows) * 16, '\0');
    std::mt19937 random(seed);
    for (char& value : values)
      value = static_cast<char>(random() & 0x3fU);  // no float that is none
    request.set_raw_input_contents(0, values);
    grpc::ClientContext context;
    oip::ModelInferResponse response;
    const grpc::Status status = Oip::NewStub(channel)->ModelInfer(&context, request, &response);
    return status.ok() && response.raw_output_contents(0) == values;
  };
  std::vector<std::future<bool>> answers;
  for (const std::int64_t rows : {1, 1000, 4000, 9408, 20'000, 65'536, 100'000}) {
    for (std::uint32_t seed = 1; seed <= 2; ++seed)
      answers.push_back(std::async(std::launch::async, ask, rows, seed));
  }
  for (auto& answer : answers)
    EXPECT_TRUE(answer.get());
}

TEST_F(UnaryInferTest, refuses_bytes_that_are_no_message) {
  server.start();
  EXPECT_EQ(send_bytes("\xff\xff\xff").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(send_bytes("").error_code(), grpc::StatusCode::NOT_FOUND) << "an empty message is one";
  EXPECT_TRUE(infer(echo_request()).ok());
}

TEST_F(UnaryInferTest, takes_as_many_calls_of_a_connection_as_streams_may_be) {
  server.fakes.limits.max_streams = 2;
  server.fakes.inference.hold();
  server.start();
  const auto channel = server.channel();
  std::vector<std::future<grpc::Status>> calls;
  for (int call = 0; call < 3; ++call) {
    calls.push_back(std::async(std::launch::async, [stub = Oip::NewStub(channel)] {
      grpc::ClientContext context;
      oip::ModelInferResponse response;
      return stub->ModelInfer(&context, echo_request(), &response);
    }));
  }
  server.fakes.inference.wait_until_held(2);
  // Another connection is served meanwhile, and the third call has all this time to come.
  for (int call = 0; call < 20; ++call) {
    grpc::ClientContext context;
    oip::ServerLiveResponse response;
    EXPECT_TRUE(server.stub()->ServerLive(&context, {}, &response).ok());
  }
  EXPECT_EQ(server.fakes.inference.asked(), 2U);
  server.fakes.inference.release();
  for (auto& call : calls)
    EXPECT_TRUE(call.get().ok());
  EXPECT_EQ(server.fakes.inference.asked(), 3U);
}

TEST_F(UnaryInferTest, counts_calls_and_their_outcomes) {
  server.start();
  ASSERT_TRUE(infer(echo_request()).ok());
  oip::ModelInferRequest unknown = echo_request();
  unknown.set_model_name("nobody");
  ASSERT_FALSE(infer(unknown).ok());
  server.fakes.inference.refuse(unavailable("full"));
  ASSERT_FALSE(infer(echo_request()).ok());
  const TransportMetrics& metrics = server.fakes.metrics.grpc;
  EXPECT_EQ(metrics.requests.value(), 3U);
  EXPECT_EQ(metrics.requests_answered.value(), 3U);
  EXPECT_EQ(metrics.client_errors.value(), 1U);
  EXPECT_EQ(metrics.server_errors.value(), 1U);
  EXPECT_GE(metrics.received_bytes.value(), 3U * 16);
  EXPECT_GE(metrics.sent_bytes.value(), 16U);
}

TEST_F(UnaryInferTest, several_loops_share_the_calls) {
  server.options.threads = 3;
  server.start();
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([this] {
      for (int call = 0; call < 20; ++call)
        EXPECT_TRUE(infer(echo_request()).ok());
    });
  }
  for (std::thread& client : clients)
    client.join();
  EXPECT_TRUE(server.frontend().drain(std::chrono::seconds(10)));
}

}  // namespace
}  // namespace muster::testing
