// SPDX-License-Identifier: Apache-2.0
// What a well-behaved client meets: every endpoint, and the ways of HTTP/1.1.
#include <array>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "frontend/http/message/content_coding.h"
#include "frontend/http/testing/running_frontend.h"

namespace muster {
namespace {

using testing::binary_values;
using testing::get;
using testing::infer_binary;
using testing::infer_json;
using testing::post;
using testing::RawClient;
using testing::RawReply;
using testing::request_text;
using testing::RunningFrontend;

class ExchangeTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start().ok()); }
  RunningFrontend server_;
};

TEST_F(ExchangeTest, infers_with_json_tensors) {
  const RawReply reply = server_.ask(infer_json("seven"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  EXPECT_NE(reply.body.find(R"("id":"seven")"), std::string::npos) << reply.body;
  EXPECT_NE(reply.body.find(R"("data":[1)"), std::string::npos) << reply.body;
  EXPECT_EQ(reply.header("Inference-Header-Content-Length"), "");
}

TEST(ExchangeTimesTest, tells_when_a_request_came_and_when_its_answer_went) {
  FakeClock clock;
  RunningFrontend server(clock);
  ASSERT_TRUE(server.start().ok());
  EXPECT_EQ(server.ask(infer_json("seven")).status, 200);
  EXPECT_EQ(server.fakes.inference.last_received(), clock.now());
  EXPECT_EQ(server.fakes.inference.deliveries().last(), clock.now() - TimePoint());
}

TEST_F(ExchangeTest, infers_with_binary_tensors) {
  const std::vector<float> values = {1.5F, -2, 3, 4};
  const RawReply reply = server_.ask(infer_binary(values));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(binary_values(reply), values);
}

TEST_F(ExchangeTest, a_large_body_comes_and_goes_whole) {
  std::vector<float> values(3'000'000);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i);
  RawClient client(server_.port());
  const std::string request = infer_binary(values);
  std::thread sender([&] { client.send(request).send(infer_json("after")); });
  const RawReply reply = client.reply();
  const RawReply after = client.reply();
  sender.join();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(binary_values(reply), values);
  EXPECT_EQ(after.status, 200);
}

// More pieces than one call of the system takes, to a socket that is far from full.
TEST_F(ExchangeTest, a_reply_of_many_small_tensors_comes_whole) {
  constexpr int kTensors = 400;
  const std::vector<float> values(16, 1.5F);
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()),
                               values.size() * sizeof(float));
  std::string json = R"({"inputs":[)";
  std::string binary;
  for (int i = 0; i < kTensors; ++i) {
    json += std::string(i == 0 ? "" : ",") + R"({"name":"x)" + std::to_string(i) +
            R"(","datatype":"FP32","shape":[4,4],"parameters":{"binary_data_size":)" +
            std::to_string(bytes.size()) + "}}";
    binary += bytes;
  }
  json += R"(],"parameters":{"binary_data_output":true}})";
  const RawReply reply =
      server_.ask(post("/v2/models/echo/infer", json + binary,
                       "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(binary_values(reply), std::vector<float>(kTensors * values.size(), 1.5F));
}

TEST_F(ExchangeTest, a_header_length_of_zero_is_a_raw_tensor) {
  const std::vector<float> values = {1, 2, 3, 4};
  const std::string raw(reinterpret_cast<const char*>(values.data()), 16);
  const RawReply reply =
      server_.ask(post("/v2/models/echo/infer", raw, "Inference-Header-Content-Length: 0\r\n"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(
      server_.ask(post("/v2/models/none/infer", raw, "Inference-Header-Content-Length: 0\r\n"))
          .status,
      404);
}

TEST_F(ExchangeTest, a_request_that_repeats_the_last_one_is_answered_for_itself) {
  RawClient client(server_.port());
  for (float round = 0; round < 3; ++round) {
    const std::vector<float> values = {round, -round, 3, 4};
    EXPECT_EQ(binary_values(client.send(infer_binary(values)).reply()), values);
  }
  for (const char* target : {"/v2/models/%zz/infer", "/v2/models/none/infer", "/nowhere"}) {
    const std::string ask = post(target, "{}");
    const RawReply first = client.send(ask).reply();
    const RawReply second = client.send(ask).reply();
    EXPECT_GE(first.status, 400);
    EXPECT_EQ(second.status, first.status);
    EXPECT_EQ(second.body, first.body);
  }
  EXPECT_EQ(client.send(infer_binary({1, 2, 3, 4})).reply().status, 200);
}

TEST_F(ExchangeTest, tells_where_the_time_went) {
  const RawReply reply = server_.ask(infer_json("x"));
  EXPECT_EQ(reply.header("Server-Timing"),
            "queue;dur=0.012, batch;dur=0.003;desc=\"rows=8\", "
            "compute;dur=0.120;desc=\"version=3\"");
}

TEST_F(ExchangeTest, answers_every_get) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"/v2", R"("name":"muster")"},
      {"/v2/health/live", ""},
      {"/v2/health/ready?verbose=1", ""},
      {"/v2/models/echo/ready", ""},
      {"/v2/models/echo/versions/3/ready", ""},
      {"/v2/models/echo", R"("versions":["3"])"},
      {"/v2/models/ec%68o/versions/3", R"("name":"echo")"},
      {"/v2/models/echo/config", R"("max_batch_size":8)"},
      {"/v2/models/echo/stats", R"("model_stats")"},
      {"/v2/models/stats", R"("model_stats")"},
      {"/v2/trace/setting", R"("trace_level":["OFF"])"},
      {"/v2/models/echo/trace/setting", R"("trace_rate")"},
      {"/v2/logging", R"("log_verbose_level":0)"},
      {"/v2/cudasharedmemory/status", "[]"},
  };
  for (const auto& [target, part] : cases) {
    const RawReply reply = server_.ask(get(target));
    EXPECT_EQ(reply.status, 200) << target << reply.body;
    EXPECT_NE(reply.body.find(part), std::string::npos) << target << reply.body;
  }
}

TEST_F(ExchangeTest, errors_have_a_status_and_a_message_as_json) {
  const std::vector<std::pair<std::string, int>> cases = {
      {get("/"), 404},
      {get("/metrics"), 404},
      {get("/v2/models/none"), 404},
      {get("/v2/models/none/config"), 404},
      {get("/v2/models/none/ready"), 404},
      {get("/v2/models/echo/versions/9"), 404},
      {get("/v2/models/echo/versions/x"), 400},
      {get("/v2/models/%zz"), 400},
      {get("/v2/models/echo/infer"), 405},
      {post("/v2/health/live"), 405},
      {request_text("DELETE", "/v2/models/echo"), 405},
      {post("/v2/models/echo/infer", "{"), 400},
      {post("/v2/models/none/infer",
            R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]})"),
       404},
      {post("/v2/models/echo/infer", "{}", "Inference-Header-Content-Length: 3\r\n"), 400},
      {post("/v2/logging", R"({"log_file":"/tmp/x"})"), 400},
      {get("/v2/models/none/trace/setting"), 404},
      {post("/v2/cudasharedmemory/region/r/register", "{}"), 501},
      {get("/v2/cudasharedmemory/region/r/status"), 404},
      {get("/v2/systemsharedmemory/status"), 501},
  };
  for (const auto& [request, status] : cases) {
    const RawReply reply = server_.ask(request);
    EXPECT_EQ(reply.status, status) << request << reply.body;
    EXPECT_TRUE(reply.body.starts_with(R"({"error":")")) << request << reply.body;
    EXPECT_EQ(reply.header("Content-Type"), "application/json");
  }
  EXPECT_EQ(server_.ask(get("/v2/models/echo/infer")).header("Allow"), "POST");
}

TEST_F(ExchangeTest, controls_the_repository) {
  const RawReply index = server_.ask(post("/v2/repository/index"));
  EXPECT_EQ(index.status, 200);
  EXPECT_NE(index.body.find("broken"), std::string::npos) << index.body;
  const RawReply ready = server_.ask(post("/v2/repository/index", R"({"ready":true})"));
  EXPECT_EQ(ready.body.find("broken"), std::string::npos) << ready.body;
  EXPECT_EQ(server_.ask(post("/v2/repository/models/echo/load")).status, 200);
  EXPECT_EQ(server_
                .ask(post("/v2/repository/models/echo/load",
                          R"({"parameters":{"config":"{\"max_batch_size\":4}"}})"))
                .status,
            200);
  EXPECT_EQ(server_.ask(post("/v2/repository/models/echo/unload", "{}")).status, 200);
  server_.stop();
  EXPECT_EQ(server_.fakes.models.loaded,
            (std::vector<std::string>{"echo ", R"(echo {"max_batch_size":4})"}));
}

TEST_F(ExchangeTest, unregistering_cuda_memory_is_no_error) {
  EXPECT_EQ(server_.ask(post("/v2/cudasharedmemory/unregister")).status, 200);
}

TEST_F(ExchangeTest, classifies_one_picture) {
  const RawReply reply =
      server_.ask(post("/v2/models/echo/classify?top_k=2", "12345", "Content-Type: image/png\r\n"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_NE(reply.body.find(R"("label":"5 bytes")"), std::string::npos) << reply.body;
}

TEST_F(ExchangeTest, classifies_many_pictures_of_a_form) {
  const std::string body =
      "--b\r\nContent-Disposition: form-data; name=\"top_k\"\r\n\r\n1\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n"
      "Content-Type: image/jpeg\r\n\r\nabc\r\n"
      "--b\r\nContent-Type: image/png\r\n\r\nabcd\r\n--b--\r\n";
  const RawReply reply = server_.ask(post("/v2/models/echo/versions/3/classify", body,
                                          "Content-Type: multipart/form-data; boundary=\"b\"\r\n"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_LT(reply.body.find("3 bytes"), reply.body.find("4 bytes")) << reply.body;
}

TEST_F(ExchangeTest, says_what_is_wrong_with_a_picture_request) {
  const auto status_of = [&](std::string_view query, std::string_view body, std::string_view type) {
    return server_
        .ask(post("/v2/models/echo/classify" + std::string(query), body,
                  "Content-Type: " + std::string(type) + "\r\n"))
        .status;
  };
  EXPECT_EQ(status_of("", "", "image/png"), 400);
  EXPECT_EQ(status_of("", "x", "text/plain"), 415);
  EXPECT_EQ(status_of("?top_k=0", "x", "image/png"), 400);
  EXPECT_EQ(status_of("?top_k=many", "x", "image/png"), 400);
  EXPECT_EQ(status_of("", "x", "multipart/form-data"), 400);
  EXPECT_EQ(status_of("", "--b--", "multipart/mixed; boundary=b"), 400);
  EXPECT_EQ(status_of("", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--",
                      "multipart/mixed; boundary=b"),
            400);
}

TEST_F(ExchangeTest, answers_pipelined_requests_in_their_order) {
  server_.fakes.inference.hold();
  RawClient client(server_.port());
  client.send(infer_json("first") + infer_json("second") + get("/v2/health/live") +
              infer_json("third"));
  server_.fakes.inference.wait_until_held(3);
  server_.fakes.inference.release();  // newest first
  for (const std::string_view id : {"first", "second", "", "third"}) {
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_NE(reply.body.find(id), std::string::npos) << id << reply.body;
  }
}

TEST_F(ExchangeTest, takes_chunked_bodies_and_small_pieces) {
  RawClient client(server_.port());
  const std::string whole = infer_json("x");
  const std::string body = whole.substr(whole.find("\r\n\r\n") + 4);
  std::string request = post("/v2/models/echo/infer", "", "Transfer-Encoding: chunked\r\n");
  for (const char c : body)
    request += std::string("1\r\n") + c + "\r\n";
  request += "0\r\n\r\n";
  for (std::size_t i = 0; i < request.size(); i += 3)
    client.send(request.substr(i, 3));
  EXPECT_EQ(client.reply().status, 200);
  client.send(request);
  EXPECT_EQ(client.reply().status, 200);
}

TEST_F(ExchangeTest, tells_a_client_that_waits_to_continue) {
  RawClient client(server_.port());
  const std::string request = infer_json("x", "Expect: 100-continue\r\n");
  const std::size_t end = request.find("\r\n\r\n") + 4;
  client.send(request.substr(0, end));
  EXPECT_EQ(client.reply(false).status, 100);
  client.send(request.substr(end));
  EXPECT_EQ(client.reply().status, 200);
  // One that does not wait is not told.
  client.send(request);
  EXPECT_EQ(client.reply().status, 200);
}

TEST_F(ExchangeTest, continue_is_told_in_its_turn) {
  server_.fakes.inference.hold();
  RawClient client(server_.port());
  const std::string request = infer_json("second", "Expect: 100-continue\r\n");
  const std::size_t end = request.find("\r\n\r\n") + 4;
  client.send(infer_json("first") + request.substr(0, end));
  server_.fakes.inference.wait_until_held(1);
  server_.fakes.inference.release();
  EXPECT_NE(client.reply().body.find("first"), std::string::npos);
  EXPECT_EQ(client.reply(false).status, 100);
  client.send(request.substr(end));
  EXPECT_NE(client.reply().body.find("second"), std::string::npos);
}

TEST_F(ExchangeTest, refuses_a_large_body_before_it_is_sent) {
  RawClient client(server_.port());
  client.send(
      "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
      "Content-Length: 99999999999\r\n\r\n");
  const RawReply reply = client.reply();
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ExchangeTest, an_error_keeps_the_connection_where_the_body_was_small) {
  RawClient client(server_.port());
  client.send(post("/nowhere", std::string(1000, 'x')) + infer_json("after"));
  EXPECT_EQ(client.reply().status, 404);
  EXPECT_EQ(client.reply().status, 200);
}

TEST_F(ExchangeTest, speaks_http_1_0) {
  RawClient client(server_.port());
  client.send("GET /v2/health/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const RawReply kept = client.reply();
  EXPECT_EQ(kept.status, 200);
  EXPECT_EQ(kept.header("Connection"), "keep-alive");
  client.send("GET /v2/health/live HTTP/1.0\r\n\r\n");
  const RawReply last = client.reply();
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.header("Connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ExchangeTest, closes_when_asked) {
  RawClient client(server_.port());
  client.send(infer_json("x", "Connection: close\r\n"));
  EXPECT_EQ(client.reply().header("Connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ExchangeTest, head_is_get_without_the_body) {
  RawClient client(server_.port());
  client.send(request_text("HEAD", "/v2"));
  const RawReply head = client.reply(false);
  EXPECT_EQ(head.status, 200);
  client.send(get("/v2"));
  EXPECT_EQ(client.reply().header("Content-Length"), head.header("Content-Length"));
}

TEST_F(ExchangeTest, takes_and_gives_compressed_bodies) {
  const std::string whole = infer_binary(std::vector<float>(4000, 1));
  const std::size_t end = whole.find("\r\n\r\n") + 4;
  const std::string body = whole.substr(end);
  const std::string json_length =
      RawReply{0, whole.substr(0, end), ""}.header("Inference-Header-Content-Length");
  for (const Coding coding : {Coding::kGzip, Coding::kDeflate}) {
    const auto part = std::as_bytes(std::span(body));
    const std::string coded = compress(coding, std::span(&part, 1)).value();
    const std::string name(coding_name(coding));
    const RawReply reply =
        server_.ask(post("/v2/models/echo/infer", coded,
                         "Content-Encoding: " + name + "\r\nAccept-Encoding: " + name +
                             "\r\nInference-Header-Content-Length: " + json_length + "\r\n"));
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.header("Content-Encoding"), name);
    auto inflater = Inflater::make(coding, 1 << 20).value();
    RequestBody inflated(1 << 20);
    ASSERT_TRUE(inflater.feed(std::as_bytes(std::span(reply.body)), inflated).ok());
    EXPECT_TRUE(inflater.finish().ok());
    const std::size_t json = std::stoul(reply.header("Inference-Header-Content-Length"));
    EXPECT_EQ(inflated.size() - json, 4000 * sizeof(float));
  }
  // Small ones gain nothing.
  EXPECT_EQ(server_.ask(infer_json("x", "Accept-Encoding: gzip\r\n")).header("Content-Encoding"),
            "");
}

TEST_F(ExchangeTest, a_full_queue_says_when_to_come_again) {
  server_.fakes.inference.refuse(resource_exhausted("the queue is full"));
  const RawReply reply = server_.ask(infer_json("x"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("Retry-After"), "1");
}

TEST_F(ExchangeTest, many_clients_on_several_threads_all_get_their_own_answers) {
  RunningFrontend server;
  server.options.threads = 3;
  ASSERT_TRUE(server.start().ok());
  std::vector<std::thread> threads;
  std::array<int, 12> right{};
  for (std::size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&, t] {
      RawClient client(server.port());
      for (int i = 0; i < 50; ++i) {
        const std::vector<float> values = {static_cast<float>(t), static_cast<float>(i), 0, 0};
        if (binary_values(client.send(infer_binary(values)).reply()) == values) ++right[t];
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  for (const int count : right)
    EXPECT_EQ(count, 50);
  const TransportMetrics& metrics = server.fakes.metrics.http;
  EXPECT_EQ(metrics.requests.value(), 600U);
  EXPECT_EQ(metrics.connections_accepted.value(), 12U);
}

}  // namespace
}  // namespace muster
