// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/grpc_reply_decoder.h"

#include <cstdint>
#include <string>
#include <vector>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "open_inference.pb.h"
#include "protocol/grpc/infer_reply.h"
#include "protocol/testing/bodies.h"

namespace muster {
namespace {

using testing::elements_of;
using testing::output_of;
using testing::raw;

// As protobuf's text.
Result<InferResponse> decode(const std::string& text, const ProtocolLimits& limits = {}) {
  ::inference::ModelInferResponse sent;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &sent)) << text;
  return decode_grpc_reply(sent.SerializeAsString(), limits);
}

std::string fault(const std::string& text, const ProtocolLimits& limits = {}) {
  const auto response = decode(text, limits);
  EXPECT_FALSE(response.ok()) << text;
  EXPECT_EQ(response.status().code(), StatusCode::kInvalidArgument);
  return std::string(response.status().message());
}

TEST(GrpcReplyDecoder, takes_raw_tensors_in_their_order) {
  const auto response = decode(
      "model_name: 'm' model_version: '1' id: '7' parameters { key: 'p' value { int64_param: 1 } } "
      "outputs { name: 'a' datatype: 'FP16' shape: [1, 2] } "
      "outputs { name: 'b' datatype: 'BYTES' shape: 1 parameters { key: 'q' value {} } } "
      "raw_output_contents: 'wxyz' raw_output_contents: '\\002\\000\\000\\000hi'");
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->id, "7");
  ASSERT_EQ(response->outputs.size(), 2U);
  EXPECT_EQ(response->outputs[0].tensor.type(), DataType::kFp16);
  EXPECT_EQ(response->outputs[0].tensor.shape(), (Shape{1, 2}));
  EXPECT_EQ(elements_of<char>(response->outputs[0].tensor.view()),
            (std::vector<char>{'w', 'x', 'y', 'z'}));
  EXPECT_EQ((*bytes_elements(response->find("b")->view()))[0], "hi");
}

TEST(GrpcReplyDecoder, takes_typed_contents) {
  const auto response = decode(
      "outputs { name: 'a' datatype: 'FP32' shape: 2 contents { fp32_contents: [1, 2.5] } } "
      "outputs { name: 'b' datatype: 'INT8' shape: 1 contents { int_contents: -3 } } "
      "outputs { name: 'c' datatype: 'BYTES' shape: 1 contents { bytes_contents: 'hi' } } "
      "outputs { name: 'd' datatype: 'FP32' shape: 0 }");
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(elements_of<float>(response->find("a")->view()), (std::vector<float>{1, 2.5F}));
  EXPECT_EQ(elements_of<std::int8_t>(response->find("b")->view()), std::vector<std::int8_t>{-3});
  EXPECT_EQ((*bytes_elements(response->find("c")->view()))[0], "hi");
  EXPECT_TRUE(response->find("d")->bytes().empty());
}

TEST(GrpcReplyDecoder, takes_what_muster_answers) {
  InferResponse sent;
  sent.outputs.push_back(output_of<float>("a", DataType::kFp32, {2, 1}, {0.1F, -3}));
  const ReplyWishes wishes{"id", {}};
  InferReply reply;
  ASSERT_TRUE(reply.prepare(wishes, sent).ok());
  std::string bytes(reply.size(), '\0');
  reply.write(reinterpret_cast<std::uint8_t*>(bytes.data()));
  const auto response = decode_grpc_reply(bytes);
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->id, "id");
  EXPECT_EQ(elements_of<float>(response->find("a")->view()), (std::vector<float>{0.1F, -3}));
}

TEST(GrpcReplyDecoder, holds_sizes_against_the_contents) {
  const std::string two = "outputs { name: 'y' datatype: 'FP32' shape: 2 ";
  EXPECT_EQ(fault(two + "} raw_output_contents: '1234'"),
            "output 'y': shape [2] of FP32 takes 8 bytes, 4 given");
  EXPECT_EQ(fault(two + "} raw_output_contents: '12345678' raw_output_contents: ''"),
            "raw_output_contents has 2 entries for 1 outputs");
  EXPECT_EQ(fault(two + "} outputs { name: 'z' datatype: 'FP32' shape: 2 } "
                        "raw_output_contents: '12345678'"),
            "output 'z': raw_output_contents has 1 entries, none for this output");
  EXPECT_EQ(fault(two + "contents { fp32_contents: 1 } }"),
            "output 'y': its shape has 2 elements, 1 are given in fp32_contents");
  EXPECT_EQ(fault(two + "contents { fp32_contents: [1, 2] } } raw_output_contents: '12345678'"),
            "output 'y': contents and raw_output_contents exclude each other");
  EXPECT_EQ(fault("outputs { name: 'y' datatype: 'BOOL' shape: 1 } raw_output_contents: '\\002'"),
            "output 'y': element 0 is 2, which is no BOOL (0 or 1)");
}

TEST(GrpcReplyDecoder, refuses_what_is_no_tensor) {
  EXPECT_EQ(fault("outputs { datatype: 'FP32' }"), "output 0: output 0 has no name");
  EXPECT_NE(fault("outputs { name: 'y' datatype: 'FP7' }").find("FP7"), std::string::npos);
  EXPECT_NE(fault("outputs { name: 'y' datatype: 'FP32' shape: -1 }"), "");
  EXPECT_NE(fault("outputs { name: 'y' datatype: 'FP32' shape: [4294967296, 4294967296] }"), "");
  const std::string empty = "outputs { name: 'y' datatype: 'FP32' shape: 0 } ";
  EXPECT_EQ(fault(empty + empty), "output 'y' is given twice");
  EXPECT_EQ(decode_grpc_reply("\xff").status().message(),
            "the bytes are no message inference.ModelInferResponse");
}

TEST(GrpcReplyDecoder, holds_the_limits) {
  ProtocolLimits limits;
  limits.max_tensors = 1;
  limits.max_rank = 1;
  limits.max_id_bytes = 2;
  const std::string empty = "outputs { name: 'y' datatype: 'FP32' shape: 0 } ";
  EXPECT_TRUE(decode(empty, limits).ok());
  EXPECT_EQ(fault(empty + empty, limits), "the answer has more than 1 inputs or outputs");
  EXPECT_EQ(fault("outputs { name: 'y' datatype: 'FP32' shape: [0, 1] }", limits),
            "output 'y': the shape has more than 1 dimensions");
  EXPECT_NE(fault("id: 'abc'", limits).find("the limit is 2"), std::string::npos);
}

}  // namespace
}  // namespace muster
