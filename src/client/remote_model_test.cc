// SPDX-License-Identifier: Apache-2.0
#include "client/remote_model.h"

#include <gtest/gtest.h>

#include "client/testing/tiny_server.h"
#include "open_inference.pb.h"

namespace muster {
namespace {

constexpr const char* kDescription =
    R"({"name":"m","versions":["1"],"inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}]})";

// A server with these answers by the beginning of the request; 404 for all others.
TinyServer::Script by_path(std::vector<std::pair<std::string, std::string>> answers) {
  return [=](const std::string& request) {
    for (const auto& [begin, answer] : answers) {
      if (request.starts_with(begin + " ")) return TinyServer::Reply{answer};
    }
    return TinyServer::Reply{http_answer(404, R"({"error":"no such thing"})")};
  };
}

Status failure(const TinyServer& server, std::optional<std::string_view> name) {
  const auto model = find_remote_model({server.address(), ""}, name);
  EXPECT_FALSE(model.ok());
  return model.status();
}

TEST(RemoteModel, is_found_by_its_name) {
  const TinyServer server(by_path({{"GET /v2/models/m%2Fn/ready", http_answer(200, "")},
                                   {"GET /v2/models/m%2Fn", http_answer(200, kDescription)}}));
  const auto model = find_remote_model({server.address(), ""}, "m/n");
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ(model->name, "m/n");
  EXPECT_EQ(model->signature.inputs[0].shape, Shape({-1, 2}));
}

TEST(RemoteModel, has_rows_where_its_configuration_says_so) {
  const auto stacked = [](const std::string& config, const char* description) {
    const TinyServer server(by_path({{"GET /v2/models/m/ready", http_answer(200, "")},
                                     {"GET /v2/models/m/config", config},
                                     {"GET /v2/models/m", http_answer(200, description)}}));
    const auto model = find_remote_model({server.address(), ""}, "m");
    EXPECT_TRUE(model.ok()) << model.status().to_string();
    return model.ok() && model->stacked;
  };
  EXPECT_TRUE(stacked(http_answer(200, R"({"max_batch_size":8})"), kDescription));
  EXPECT_FALSE(stacked(http_answer(200, R"({"max_batch_size":0})"), kDescription));
  // No server need tell its configuration.
  EXPECT_TRUE(stacked(http_answer(404, ""), kDescription));
  EXPECT_TRUE(stacked(http_answer(200, "<html>"), kDescription));
  EXPECT_FALSE(stacked(http_answer(404, ""),
                       R"({"inputs":[{"name":"x","datatype":"FP32","shape":[4,2]}]})"));
}

TEST(RemoteModel, is_the_only_one_where_none_is_named) {
  const TinyServer server(
      by_path({{"POST /v2/repository/index", http_answer(200, R"([{"name":"m","state":"READY"}])")},
               {"GET /v2/models/m/ready", http_answer(200, "")},
               {"GET /v2/models/m", http_answer(200, kDescription)}}));
  const auto model = find_remote_model({server.address(), ""}, std::nullopt);
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ(model->name, "m");
}

TEST(RemoteModel, has_to_be_named_among_several) {
  const TinyServer server(
      by_path({{"POST /v2/repository/index", http_answer(200, R"([{"name":"m"},{"name":"n"}])")}}));
  EXPECT_NE(failure(server, std::nullopt).message().find("name one with --model: m, n"),
            std::string::npos);
  const TinyServer empty(by_path({{"POST /v2/repository/index", http_answer(200, "[]")}}));
  EXPECT_NE(failure(empty, std::nullopt).message().find("no model is ready"), std::string::npos);
  const TinyServer without(by_path({}));
  EXPECT_NE(failure(without, std::nullopt).message().find("name one with --model"),
            std::string::npos);
}

TEST(RemoteModel, has_to_be_ready) {
  const TinyServer server(
      by_path({{"GET /v2/models/m/ready", http_answer(400, R"({"error":"it is loading"})")}}));
  const Status status = failure(server, "m");
  EXPECT_NE(status.message().find("model 'm' is not ready (HTTP status 400): it is loading"),
            std::string::npos)
      << status.to_string();
}

TEST(RemoteModel, says_what_is_wrong_with_a_description) {
  const TinyServer server(by_path({{"GET /v2/models/m/ready", http_answer(200, "")},
                                   {"GET /v2/models/m", http_answer(200, "<html>")}}));
  EXPECT_NE(failure(server, "m").message().find("what it says of model 'm'"), std::string::npos);
}

TEST(RemoteModel, is_asked_for_with_a_token) {
  std::string heard;
  {
    const TinyServer server([&](const std::string& request) {
      heard = request;
      return TinyServer::Reply{http_answer(401, "")};
    });
    EXPECT_FALSE(find_remote_model({server.address(), "s3cret"}, "m").ok());
  }
  EXPECT_NE(heard.find("\r\nAuthorization: Bearer s3cret\r\n"), std::string::npos);
}

TEST(RemoteModel, says_that_a_server_does_not_speak_grpc) {
  const TinyServer server(by_path({}));
  const auto model = find_remote_model({server.address(Transport::kGrpc), ""}, "m");
  EXPECT_NE(model.status().message().find("http://"), std::string::npos)
      << model.status().to_string();
}

TEST(InferRequest, has_its_tensors_behind_the_json) {
  const std::vector<float> values{1, 2};
  const InferInput input{"x", {DataType::kFp32, {1, 2}, std::as_bytes(std::span(values))}};
  const auto text =
      infer_request({{Transport::kHttp, "h", 80, ""}, ""}, "m n", {{input}}, {"7", 1000});
  ASSERT_TRUE(text.ok());
  const std::string json =
      R"({"id":"7","parameters":{"timeout":1000,"binary_data_output":true},"inputs":[{"name":"x",)"
      R"("shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]})";
  EXPECT_TRUE(text->starts_with("POST /v2/models/m%20n/infer HTTP/1.1\r\nHost: h:80\r\n"));
  EXPECT_NE(
      text->find("\r\nInference-Header-Content-Length: " + std::to_string(json.size()) +
                 "\r\nContent-Length: " + std::to_string(json.size() + 8) + "\r\n\r\n" + json),
      std::string::npos)
      << *text;
}

TEST(InferRequest, is_a_message_over_grpc) {
  const std::vector<float> values{1, 2};
  const InferInput input{"x", {DataType::kFp32, {1, 2}, std::as_bytes(std::span(values))}};
  const auto bytes =
      infer_request({{Transport::kGrpc, "h", 80, ""}, ""}, "m", {{input}}, {"7", 1000});
  ASSERT_TRUE(bytes.ok());
  inference::ModelInferRequest request;
  ASSERT_TRUE(request.ParseFromString(*bytes));
  EXPECT_EQ(request.model_name(), "m");
  EXPECT_EQ(request.id(), "7");
  EXPECT_EQ(request.parameters().at("timeout").int64_param(), 1000);
  ASSERT_EQ(request.inputs_size(), 1);
  EXPECT_EQ(request.inputs(0).datatype(), "FP32");
  EXPECT_EQ(request.raw_input_contents(0).size(), 8U);
}

}  // namespace
}  // namespace muster
