// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/infer_reply.h"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "open_inference.pb.h"
#include "protocol/testing/bodies.h"
#include "protocol/testing/shared_memory_object.h"

namespace muster {
namespace {

using testing::output_of;
using testing::raw;

class InferReplyTest : public ::testing::Test {
 protected:
  InferReplyTest() {
    response_.model = testing::model_of({}, {});
    response_.outputs.push_back(output_of<float>("o", DataType::kFp32, {1, 3}, {0.5F, 2, 1}));
  }
  // What a client makes of it.
  ::inference::ModelInferResponse parsed() {
    InferReply reply;
    const Status status = reply.prepare(wishes_, response_);
    EXPECT_TRUE(status.ok()) << status.message();
    std::string bytes(reply.size(), '\0');
    reply.write(reinterpret_cast<std::uint8_t*>(bytes.data()));
    ::inference::ModelInferResponse parsed;
    EXPECT_TRUE(parsed.ParseFromString(bytes));
    EXPECT_EQ(parsed.ByteSizeLong(), bytes.size());
    return parsed;
  }
  ReplyWishes wishes_;
  InferResponse response_;
};

TEST_F(InferReplyTest, is_raw) {
  wishes_.id = "42";
  const ::inference::ModelInferResponse reply = parsed();
  EXPECT_EQ(reply.model_name(), "m");
  EXPECT_EQ(reply.model_version(), "3");
  EXPECT_EQ(reply.id(), "42");
  ASSERT_EQ(reply.outputs_size(), 1);
  EXPECT_EQ(reply.outputs(0).name(), "o");
  EXPECT_EQ(reply.outputs(0).datatype(), "FP32");
  EXPECT_EQ(reply.outputs(0).shape(1), 3);
  EXPECT_FALSE(reply.outputs(0).has_contents());
  EXPECT_EQ(reply.raw_output_contents(0), raw<float>({0.5F, 2, 1}));
  EXPECT_TRUE(reply.parameters().empty());
}

TEST_F(InferReplyTest, says_that_it_is_the_last_where_that_was_asked_for) {
  wishes_.final_response = true;
  const ::inference::ModelInferResponse reply = parsed();
  EXPECT_TRUE(reply.parameters().at("triton_final_response").bool_param());
}

TEST_F(InferReplyTest, gives_classes) {
  wishes_.outputs.push_back({.name = "o", .classes = 1, .target = {}, .region = {}});
  const ::inference::ModelInferResponse reply = parsed();
  EXPECT_EQ(reply.outputs(0).datatype(), "BYTES");
  EXPECT_EQ(reply.outputs(0).shape(1), 1);
  EXPECT_EQ(reply.raw_output_contents(0), std::string("\x0a\0\0\0"
                                                      "2.000000:1",
                                                      14));
}

TEST_F(InferReplyTest, leaves_an_empty_entry_for_outputs_in_shared_memory) {
  SharedMemoryRegions regions(true);
  const testing::SharedMemoryObject object(std::string(16, 'x'));
  ASSERT_TRUE(regions.add("r", object.key(), 0, 16).ok());
  response_.outputs.push_back(output_of<std::uint8_t>("p", DataType::kUint8, {1}, {7}));
  wishes_.outputs.push_back(
      {.name = "o", .target = *regions.slice("r", 4, 12), .region = "r", .region_offset = 4});
  wishes_.outputs.push_back({.name = "p", .target = {}, .region = {}});
  const ::inference::ModelInferResponse reply = parsed();
  ASSERT_EQ(reply.raw_output_contents_size(), 2);
  EXPECT_EQ(reply.raw_output_contents(0), "");
  EXPECT_EQ(reply.raw_output_contents(1), "\7");
  const auto& parameters = reply.outputs(0).parameters();
  EXPECT_EQ(parameters.at("shared_memory_region").string_param(), "r");
  EXPECT_EQ(parameters.at("shared_memory_byte_size").int64_param(), 12);
  EXPECT_EQ(parameters.at("shared_memory_offset").int64_param(), 4);
  EXPECT_EQ(object.read(16).substr(4), raw<float>({0.5F, 2, 1}));
}

TEST_F(InferReplyTest, fits_into_an_answer_on_a_stream) {
  wishes_.id = std::string(300, 'i');
  InferReply reply;
  ASSERT_TRUE(reply.prepare(wishes_, response_).ok());
  std::string bytes(reply.stream_size(), '\0');
  reply.write_stream(reinterpret_cast<std::uint8_t*>(bytes.data()));
  ::inference::ModelStreamInferResponse parsed_answer;
  ASSERT_TRUE(parsed_answer.ParseFromString(bytes));
  EXPECT_EQ(parsed_answer.infer_response().SerializeAsString(), parsed().SerializeAsString());
  EXPECT_EQ(parsed_answer.infer_response().id().size(), 300U);
}

TEST_F(InferReplyTest, may_be_all_but_empty) {
  response_ = InferResponse();
  EXPECT_EQ(parsed().ByteSizeLong(), 0U);
  response_.outputs.push_back(output_of<float>("", DataType::kFp32, {}, {1}));
  response_.outputs.push_back(output_of<float>("none", DataType::kFp32, {0, 1 << 20}, {}));
  const ::inference::ModelInferResponse reply = parsed();
  EXPECT_EQ(reply.outputs(0).shape_size(), 0);
  EXPECT_EQ(reply.outputs(1).shape(1), 1 << 20);
  EXPECT_EQ(reply.raw_output_contents(1), "");
}

TEST_F(InferReplyTest, tells_which_output_cannot_be_given) {
  response_.outputs.clear();
  response_.outputs.push_back(output_of<std::uint8_t>("flag", DataType::kBool, {1, 1}, {1}));
  wishes_.outputs.push_back({.name = "flag", .classes = 1, .target = {}, .region = {}});
  const Status status = InferReply().prepare(wishes_, response_);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(status.message().starts_with("output 'flag': ")) << status.message();
}

}  // namespace
}  // namespace muster
