// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "frontend/grpc/testing/grpc_server.h"

namespace muster::testing {
namespace {

struct StreamInferTest : ::testing::Test {
  GrpcServer server;
  grpc::ClientContext context;
  std::unique_ptr<Oip::Stub> stub;
  std::unique_ptr<grpc::ClientReaderWriter<oip::ModelInferRequest, oip::ModelStreamInferResponse>>
      stream;

  void begin() {
    server.start();
    stub = server.stub();
    stream = stub->ModelStreamInfer(&context);
  }
  oip::ModelStreamInferResponse read() {
    oip::ModelStreamInferResponse response;
    EXPECT_TRUE(stream->Read(&response));
    return response;
  }
  // Nothing more comes.
  grpc::Status end() {
    oip::ModelStreamInferResponse response;
    EXPECT_FALSE(stream->Read(&response));
    return stream->Finish();
  }
};

TEST_F(StreamInferTest, answers_in_the_order_of_asking) {
  server.fakes.inference.hold();
  begin();
  for (int number = 0; number < 5; ++number)
    ASSERT_TRUE(stream->Write(echo_request(std::to_string(number))));
  server.fakes.inference.wait_until_held(5);
  server.fakes.inference.release();  // the newest first
  for (int number = 0; number < 5; ++number) {
    const auto response = read();
    EXPECT_EQ(response.error_message(), "");
    EXPECT_EQ(response.infer_response().id(), std::to_string(number));
    EXPECT_EQ(response.infer_response().raw_output_contents(0), floats({1, 2, 3, 4}));
  }
  stream->WritesDone();
  EXPECT_TRUE(end().ok());
}

TEST_F(StreamInferTest, answers_the_rest_after_the_client_has_said_its_last) {
  server.fakes.inference.hold();
  begin();
  ASSERT_TRUE(stream->Write(echo_request("a")));
  ASSERT_TRUE(stream->Write(echo_request("b")));
  stream->WritesDone();
  server.fakes.inference.wait_until_held(2);
  server.fakes.inference.release();
  EXPECT_EQ(read().infer_response().id(), "a");
  EXPECT_EQ(read().infer_response().id(), "b");
  EXPECT_TRUE(end().ok());
}

TEST_F(StreamInferTest, goes_on_after_a_bad_request) {
  begin();
  oip::ModelInferRequest bad = echo_request("bad");
  bad.mutable_inputs(0)->set_datatype("FP33");
  oip::ModelInferRequest unknown = echo_request("unknown");
  unknown.set_model_name("nobody");
  ASSERT_TRUE(stream->Write(bad));
  ASSERT_TRUE(stream->Write(unknown));
  ASSERT_TRUE(stream->Write(echo_request("good")));
  stream->WritesDone();
  const auto refused = read();
  EXPECT_NE(refused.error_message(), "");
  EXPECT_EQ(refused.infer_response().id(), "bad");
  EXPECT_NE(read().error_message().find("nobody"), std::string::npos);
  EXPECT_EQ(read().infer_response().id(), "good");
  EXPECT_TRUE(end().ok());
  const TransportMetrics& metrics = server.fakes.metrics.grpc;
  EXPECT_EQ(metrics.requests.value(), 3U) << "inferences, not streams";
  EXPECT_EQ(metrics.client_errors.value(), 2U);
}

TEST_F(StreamInferTest, says_which_answer_is_the_last_where_it_is_asked) {
  begin();
  oip::ModelInferRequest request = echo_request();
  (*request.mutable_parameters())["triton_enable_empty_final_response"].set_bool_param(true);
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Write(echo_request()));
  stream->WritesDone();
  const auto asked = read();
  EXPECT_TRUE(asked.infer_response().parameters().at("triton_final_response").bool_param());
  EXPECT_EQ(read().infer_response().parameters().count("triton_final_response"), 0U);
  EXPECT_TRUE(end().ok());
}

TEST_F(StreamInferTest, has_no_more_under_way_than_the_limit) {
  server.fakes.limits.max_pipelined_requests = 3;
  server.fakes.inference.hold();
  begin();
  for (int number = 0; number < 10; ++number)
    ASSERT_TRUE(stream->Write(echo_request(std::to_string(number))));
  stream->WritesDone();
  server.fakes.inference.wait_until_held(3);
  // A call that comes after the stream's messages has passed the loop when the fourth would have.
  grpc::ClientContext other;
  oip::ServerLiveResponse live;
  ASSERT_TRUE(stub->ServerLive(&other, {}, &live).ok());
  EXPECT_EQ(server.fakes.inference.asked(), 3U);
  server.fakes.inference.release();
  for (int number = 0; number < 10; ++number)
    EXPECT_EQ(read().infer_response().id(), std::to_string(number));
  EXPECT_TRUE(end().ok());
}

TEST_F(StreamInferTest, cancels_all_that_is_under_way_when_the_client_goes) {
  server.fakes.inference.hold();
  begin();
  for (int number = 0; number < 4; ++number)
    ASSERT_TRUE(stream->Write(echo_request()));
  server.fakes.inference.wait_until_held(4);
  context.TryCancel();
  server.fakes.inference.wait_until_cancelled(4);
  EXPECT_EQ(end().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(StreamInferTest, is_answered_and_ended_when_the_server_stops) {
  server.fakes.inference.hold();
  begin();
  ASSERT_TRUE(stream->Write(echo_request("last")));
  server.fakes.inference.wait_until_held(1);
  server.frontend().stop_accepting();
  EXPECT_FALSE(server.frontend().drain(std::chrono::milliseconds(0)));
  server.fakes.inference.release();
  EXPECT_TRUE(server.frontend().drain(std::chrono::minutes(1)));
  EXPECT_EQ(read().infer_response().id(), "last");
  EXPECT_EQ(end().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(StreamInferTest, an_idle_stream_ends_when_the_server_stops) {
  begin();
  ASSERT_TRUE(stream->Write(echo_request()));
  read();
  EXPECT_TRUE(server.frontend().drain(std::chrono::minutes(1)));
  EXPECT_EQ(end().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(StreamInferTest, answers_after_the_front_end_has_gone_are_dropped) {
  server.fakes.inference.hold();
  server.fakes.inference.ignore_cancels();
  begin();
  for (int number = 0; number < 3; ++number)
    ASSERT_TRUE(stream->Write(echo_request()));
  server.fakes.inference.wait_until_held(3);
  server.stop();
  EXPECT_FALSE(end().ok());
  server.fakes.inference.release();
}

TEST_F(StreamInferTest, cancels_a_stream_whose_client_does_not_read) {
  server.fakes.limits.send_timeout = std::chrono::milliseconds(50);
  server.fakes.limits.min_send_rate = std::size_t{1} << 30;
  server.fakes.inference.hold();
  begin();
  oip::ModelInferRequest large = echo_request();
  large.mutable_inputs(0)->set_shape(0, 1 << 20);
  large.set_raw_input_contents(0, std::string(16 << 20, '\1'));
  ASSERT_TRUE(stream->Write(large));
  server.fakes.inference.wait_until_held(1);
  server.fakes.inference.release();
  // Nothing is read, so the write is over only when it is cancelled.
  EXPECT_TRUE(server.frontend().drain(std::chrono::minutes(1)));
  context.TryCancel();
  EXPECT_FALSE(stream->Finish().ok());
}

// Our own client would give up by itself; others' clocks and patience differ.
TEST(StreamInferTimeTest, hands_in_what_comes_after_the_deadline_as_late) {
  FakeClock clock;
  clock.advance(std::chrono::hours(1));
  GrpcServer server(clock);
  server.start();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0);
  const auto stub = Oip::NewStub(
      grpc::CreateCustomChannel(server.address(), grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() - std::chrono::seconds(1));
  const auto stream = stub->ModelStreamInfer(&context);
  oip::ModelStreamInferResponse response;
  ASSERT_TRUE(stream->Write(echo_request()));
  ASSERT_TRUE(stream->Read(&response));
  clock.advance(std::chrono::seconds(1));
  ASSERT_TRUE(stream->Write(echo_request()));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(server.fakes.inference.last_deadline(), clock.now());
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(StreamInferTimeTest, gives_a_client_more_time_to_read_a_large_answer) {
  FakeClock clock;
  GrpcServer server(clock);
  server.fakes.limits.send_timeout = std::chrono::milliseconds(20);
  server.fakes.limits.min_send_rate = std::size_t{1} << 20;
  server.start();
  grpc::ClientContext context;
  const auto stub = server.stub();
  const auto stream = stub->ModelStreamInfer(&context);
  oip::ModelInferRequest large = echo_request();
  large.mutable_inputs(0)->set_shape(0, 1 << 20);
  large.set_raw_input_contents(0, std::string(16 << 20, '\1'));
  ASSERT_TRUE(stream->Write(large));
  while (server.fakes.metrics.grpc.sent_bytes.value() == 0)
    std::this_thread::yield();
  clock.advance(std::chrono::seconds(15));
  // The server looks at its calls now and then, by its own clock.
  for (int call = 0; call < 200; ++call) {
    grpc::ClientContext live;
    oip::ServerLiveResponse reply;
    EXPECT_TRUE(stub->ServerLive(&live, {}, &reply).ok());
  }
  oip::ModelStreamInferResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.infer_response().raw_output_contents(0).size(), std::size_t{16} << 20);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamInferTest, speaks_compressed_with_clients_that_do) {
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  begin();
  oip::ModelInferRequest request = echo_request();
  request.mutable_inputs(0)->set_shape(0, 5000);
  request.set_raw_input_contents(0, std::string(5000 * 16, '\1'));
  for (int number = 0; number < 2; ++number) {
    ASSERT_TRUE(stream->Write(request));
    EXPECT_EQ(read().infer_response().raw_output_contents(0), request.raw_input_contents(0));
  }
  stream->WritesDone();
  EXPECT_TRUE(end().ok());
}

}  // namespace
}  // namespace muster::testing
