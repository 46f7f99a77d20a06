// SPDX-License-Identifier: Apache-2.0
#include "protocol/http/http_reply_decoder.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/http/http_infer.h"
#include "protocol/testing/bodies.h"
#include "tensor/float_elements.h"

namespace muster {
namespace {

using testing::elements_of;
using testing::output_of;
using testing::raw;

Result<InferResponse> decode(const std::string& json, const std::string& binary = "",
                             const ProtocolLimits& limits = {}) {
  return decode_http_reply(json + binary,
                           binary.empty() ? std::nullopt : std::optional(json.size()), limits);
}

std::string fault(const std::string& json, const std::string& binary = "",
                  const ProtocolLimits& limits = {}) {
  const auto response = decode(json, binary, limits);
  EXPECT_FALSE(response.ok()) << json;
  EXPECT_EQ(response.status().code(), StatusCode::kInvalidArgument);
  return std::string(response.status().message());
}

// The only output, with these fields beside its name.
std::string with(const std::string& fields) {
  return R"({"outputs":[{"name":"y",)" + fields + "}]}";
}

// As doubles.
std::vector<double> floats_of(const std::string& json) {
  const auto response = decode(json);
  EXPECT_TRUE(response.ok()) << response.status().to_string();
  std::vector<double> values;
  if (!response.ok()) return values;
  const Tensor& tensor = response->outputs[0].tensor;
  for (std::size_t at = 0; at < tensor.bytes().size(); at += element_size(tensor.type()))
    values.push_back(load_float(tensor.type(), tensor.bytes().data() + at));
  return values;
}

TEST(HttpReplyDecoder, takes_binary_tensors_in_their_order) {
  const auto response = decode(
      R"({"model_name":"m","model_version":"1","id":"7","outputs":[
          {"name":"a","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}},
          {"name":"b","shape":[1],"datatype":"INT8","parameters":{"binary_data_size":1}}]})",
      raw<float>({1, 2.5}) + "\x07");
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->id, "7");
  ASSERT_EQ(response->outputs.size(), 2U);
  EXPECT_EQ(response->outputs[0].tensor.shape(), (Shape{1, 2}));
  EXPECT_EQ(elements_of<float>(response->find("a")->view()), (std::vector<float>{1, 2.5F}));
  EXPECT_EQ(elements_of<std::int8_t>(response->find("b")->view()), std::vector<std::int8_t>{7});
}

TEST(HttpReplyDecoder, takes_json_of_servers_that_know_no_binary_data) {
  const auto response = decode(
      R"({"outputs":[{"data":[[1,-2],[3,4]],"name":"a","datatype":"INT64","shape":[2,2]},
          {"name":"b","datatype":"BYTES","shape":[2],"data":["hi","\u00e9"]},
          {"name":"c","datatype":"BOOL","shape":[2],"parameters":null,"data":[true,false]},
          {"name":"d","datatype":"UINT8","shape":[0],"data":[]}],"time":NaN,"id":null})");
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(elements_of<std::int64_t>(response->find("a")->view()),
            (std::vector<std::int64_t>{1, -2, 3, 4}));
  EXPECT_EQ(*bytes_elements(response->find("b")->view()),
            (std::vector<std::string_view>{"hi", "\xc3\xa9"}));
  EXPECT_EQ(elements_of<std::uint8_t>(response->find("c")->view()),
            (std::vector<std::uint8_t>{1, 0}));
  EXPECT_TRUE(response->find("d")->bytes().empty());
}

TEST(HttpReplyDecoder, takes_json_and_binary_tensors_beside_each_other) {
  const auto response = decode(
      R"({"outputs":[{"name":"a","datatype":"FP64","shape":[1],"data":[0.5]},
          {"name":"b","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}}]})",
      std::string("\x02\0\0\0hi", 6));
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(elements_of<double>(response->find("a")->view()), std::vector<double>{0.5});
  EXPECT_EQ((*bytes_elements(response->find("b")->view()))[0], "hi");
}

TEST(HttpReplyDecoder, takes_numbers_of_16_bits_that_some_servers_write) {
  for (const char* type : {"FP16", "BF16"}) {
    const std::string head = R"("datatype":")" + std::string(type) + R"(","shape":[4],"data":)";
    const auto values = floats_of(with(head + "[1.5,-0.25,Infinity,NaN]"));
    ASSERT_EQ(values.size(), 4U);
    EXPECT_EQ(values[0], 1.5);
    EXPECT_EQ(values[1], -0.25);
    EXPECT_TRUE(std::isinf(values[2]));
    EXPECT_TRUE(std::isnan(values[3]));
  }
  // Behind the data, too.
  EXPECT_EQ(floats_of(with(R"("data":[2],"shape":[1],"datatype":"FP16")")), std::vector<double>{2});
  // As a tensor of the type, not of a wider one.
  EXPECT_EQ(floats_of(with(R"("datatype":"BF16","shape":[1],"data":[1.001])")),
            std::vector<double>{1});
}

TEST(HttpReplyDecoder, takes_what_muster_answers) {
  for (const bool binary : {false, true}) {
    InferResponse sent;
    sent.outputs.push_back(output_of<float>("a", DataType::kFp32, {2, 1}, {0.1F, -3}));
    sent.outputs.push_back({"b", *Tensor::of_strings({1}, std::vector<std::string_view>{"x"})});
    HttpInferReply reply;
    ReplyWishes wishes;
    wishes.binary = binary;
    ASSERT_TRUE(encode_http_infer(wishes, std::move(sent), reply).ok());
    std::string body = reply.json;
    for (const auto part : reply.parts)
      body.append(reinterpret_cast<const char*>(part.data()), part.size());
    const auto response =
        decode_http_reply(body, reply.binary ? std::optional(reply.json.size()) : std::nullopt);
    ASSERT_TRUE(response.ok()) << response.status().to_string();
    EXPECT_EQ(elements_of<float>(response->find("a")->view()), (std::vector<float>{0.1F, -3}));
    EXPECT_EQ((*bytes_elements(response->find("b")->view()))[0], "x");
  }
}

TEST(HttpReplyDecoder, holds_sizes_against_the_body) {
  const std::string eight = R"("datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8})";
  EXPECT_EQ(fault(with(eight), "1234"),
            "output 'y': binary_data_size is 8, and 4 bytes are left behind the JSON");
  EXPECT_EQ(fault(with(eight)),
            "output 'y': binary_data_size is 8, and 0 bytes are left behind the JSON");
  EXPECT_EQ(fault(with(eight), "123456789"), "1 bytes follow the binary data of the last output");
  EXPECT_EQ(
      fault(with(R"("datatype":"FP32","shape":[2],"parameters":{"binary_data_size":4})"), "1234"),
      "output 'y': shape [2] of FP32 takes 8 bytes, 4 given");
  EXPECT_EQ(fault(with(R"("datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":4})"),
                  "\xff\xff\xff\xff"),
            "output 'y': the bytes end within element 0 of 1");
  EXPECT_FALSE(decode_http_reply("{}", 3).ok());
  EXPECT_EQ(fault(with(R"("datatype":"FP32","shape":[2],"parameters":{"binary_data_size":-8})")),
            "output 'y': parameter 'binary_data_size' must be a whole number that is not negative");
}

TEST(HttpReplyDecoder, refuses_shapes_that_are_none) {
  for (const char* shape :
       {"[-1]", "[9223372036854775807,4]", "[4294967296,4294967296,4294967296]"}) {
    const std::string head = R"("datatype":"FP32","shape":)" + std::string(shape);
    EXPECT_NE(fault(with(head + R"(,"data":[1])")), "") << shape;
    EXPECT_NE(fault(with(head + R"(,"parameters":{"binary_data_size":4})"), "1234"), "") << shape;
  }
  // Memory is bounded by what came and not by what it says.
  EXPECT_NE(
      fault(with(R"("datatype":"FP16","shape":[1000000000],"data":[1,2])")).find("fewer are given"),
      std::string::npos);
}

TEST(HttpReplyDecoder, says_what_is_missing) {
  EXPECT_EQ(fault("{}"), "the answer has no 'outputs'");
  EXPECT_EQ(fault(R"({"outputs":[],"outputs":[]})"), "the answer has 'outputs' twice");
  EXPECT_EQ(fault(R"({"outputs":[{"shape":[1],"datatype":"INT8","data":[1]}]})"),
            "output 0 has no name");
  EXPECT_EQ(fault(with(R"("shape":[1],"data":[1])")), "output 'y': it has no 'datatype'");
  EXPECT_EQ(fault(with(R"("datatype":"INT8","data":[1])")), "output 'y': it has no 'shape'");
  EXPECT_EQ(fault(with(R"("datatype":"INT8","shape":[1])")),
            "output 'y': it has neither 'data' nor binary_data_size");
  EXPECT_EQ(
      fault(with(R"("datatype":"INT8","shape":[1],"data":[1],"parameters":{"binary_data_size":1})"),
            "1"),
      "output 'y': 'data' and binary_data_size exclude each other");
  EXPECT_NE(fault(with(R"("datatype":"INT8","shape":[1],"data":[300])")).find("out of the range"),
            std::string::npos);
  EXPECT_NE(fault(with(R"("datatype":"FP7","shape":[1],"data":[300])")).find("FP7"),
            std::string::npos);
  for (const char* text :
       {"", "<html>", "[]", R"({"outputs":{}})", R"({"outputs":[)", R"({"outputs":[]} x)"})
    EXPECT_NE(fault(text).find("the server's JSON"), std::string::npos) << text;
}

TEST(HttpReplyDecoder, holds_the_limits) {
  ProtocolLimits limits;
  limits.max_tensors = 1;
  limits.max_rank = 1;
  limits.max_name_bytes = 3;
  limits.max_id_bytes = 2;
  const std::string one = R"({"name":"a","datatype":"INT8","shape":[0],"data":[]})";
  EXPECT_TRUE(decode(R"({"outputs":[)" + one + "]}", "", limits).ok());
  EXPECT_EQ(fault(R"({"outputs":[)" + one + "," + one + "]}", "", limits),
            "output 1: there are more than 1 outputs");
  EXPECT_EQ(fault(R"({"outputs":[)" + one + "," + one + "]}"), "output 'a' is given twice");
  EXPECT_EQ(fault(R"({"outputs":[{"name":"a","shape":[1,1]}]})", "", limits),
            "output 'a': the shape has more than 1 dimensions");
  EXPECT_NE(fault(R"({"outputs":[{"name":"abcd"}]})", "", limits).find("more than 3 bytes"),
            std::string::npos);
  EXPECT_NE(fault(R"({"id":"abc"})", "", limits).find("the limit is 2"), std::string::npos);
}

}  // namespace
}  // namespace muster
