// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/http/http_infer.h"
#include "protocol/testing/bodies.h"
#include "protocol/testing/shared_memory_object.h"

namespace muster {
namespace {

using testing::output_of;

class HttpReplyTest : public ::testing::Test {
 protected:
  HttpReplyTest() : model_(testing::model_of({}, {})) {}

  InferResponse response(InferOutput output) {
    InferResponse response;
    response.model = model_;
    response.outputs.push_back(std::move(output));
    return response;
  }
  InferResponse scores() {
    return response(output_of<float>("o", DataType::kFp32, {2, 3}, {0.5F, 2, 1, -1, 7, 7}));
  }
  static OutputWish wish(std::int64_t classes) {
    OutputWish wish;
    wish.name = "o";
    wish.classes = classes;
    return wish;
  }
  std::string encode(InferResponse answer) {
    const Status status = encode_http_infer(wishes_, std::move(answer), reply_);
    return status.ok() ? reply_.json : status.to_string();
  }
  std::string part(std::size_t index) const {
    return {reinterpret_cast<const char*>(reply_.parts[index].data()), reply_.parts[index].size()};
  }

  std::shared_ptr<ModelDescription> model_;
  ReplyWishes wishes_;
  HttpInferReply reply_;
};

TEST_F(HttpReplyTest, is_json_by_default) {
  wishes_.id = "a\"b";
  EXPECT_EQ(encode(response(output_of<std::int32_t>("o", DataType::kInt32, {1, 2}, {1, -2}))),
            R"({"model_name":"m","model_version":"3","id":"a\"b","outputs":[)"
            R"({"name":"o","datatype":"INT32","shape":[1,2],"data":[1,-2]}]})");
  EXPECT_FALSE(reply_.binary);
  EXPECT_EQ(reply_.size(), reply_.json.size());
}

TEST_F(HttpReplyTest, invents_no_id_and_no_version) {
  model_->version = 0;
  EXPECT_EQ(encode(response(output_of<std::int32_t>("o", DataType::kInt32, {0}, {}))),
            R"({"model_name":"m","model_version":"","outputs":[)"
            R"({"name":"o","datatype":"INT32","shape":[0],"data":[]}]})");
}

TEST_F(HttpReplyTest, puts_binary_outputs_behind_the_json_without_a_copy) {
  wishes_.binary = true;
  EXPECT_EQ(encode(response(output_of<std::uint8_t>("o", DataType::kUint8, {3}, {1, 2, 3}))),
            R"({"model_name":"m","model_version":"3","outputs":[{"name":"o","datatype":"UINT8",)"
            R"("shape":[3],"parameters":{"binary_data_size":3}}]})");
  EXPECT_TRUE(reply_.binary);
  ASSERT_EQ(reply_.parts.size(), 1U);
  EXPECT_EQ(reply_.parts[0].data(), reply_.response.outputs[0].tensor.bytes().data());
  EXPECT_EQ(part(0), "\1\2\3");
  EXPECT_EQ(reply_.size(), reply_.json.size() + 3);
}

TEST_F(HttpReplyTest, heeds_the_word_of_an_output_above_that_of_the_request) {
  wishes_.binary = true;
  wishes_.outputs.push_back(wish(0));  // binary: false
  EXPECT_NE(encode(scores()).find(R"("data":[0.5,2,1,-1,7,7])"), std::string::npos);
}

TEST_F(HttpReplyTest, gives_the_highest_classes_of_each_row) {
  wishes_.outputs.push_back(wish(2));
  EXPECT_EQ(encode(scores()),
            R"({"model_name":"m","model_version":"3","outputs":[{"name":"o","datatype":"BYTES",)"
            R"("shape":[2,2],"data":["2.000000:1","1.000000:2","7.000000:1","7.000000:2"]}]})");
}

TEST_F(HttpReplyTest, names_classes_by_their_labels) {
  model_->config.labels["o"] = {"ant", "bee"};  // and none for the third
  wishes_.outputs.push_back(wish(9));           // there are three
  EXPECT_EQ(encode(scores()),
            R"({"model_name":"m","model_version":"3","outputs":[{"name":"o","datatype":"BYTES",)"
            R"("shape":[2,3],"data":["2.000000:1:bee","1.000000:2","0.500000:0:ant",)"
            R"("7.000000:1:bee","7.000000:2","-1.000000:0:ant"]}]})");
}

TEST_F(HttpReplyTest, gives_classes_of_integers_and_of_models_without_batches) {
  model_->config.batching.max_batch_size = 0;
  wishes_.outputs.push_back(wish(1));
  const auto highest = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(
      encode(response(output_of<std::uint64_t>("o", DataType::kUint64, {2, 1}, {5, highest}))),
      R"({"model_name":"m","model_version":"3","outputs":[{"name":"o","datatype":"BYTES",)"
      R"("shape":[1],"data":["18446744073709551615:1"]}]})");
}

TEST_F(HttpReplyTest, puts_what_is_no_number_behind_all_others) {
  wishes_.outputs.push_back(wish(3));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(encode(response(output_of<float>("o", DataType::kFp32, {1, 3}, {nan, -5, 1})))
                .find(R"(["1.000000:2","-5.000000:1","nan:0"])"),
            std::string::npos);
}

TEST_F(HttpReplyTest, gives_no_classes_where_there_are_no_rows) {
  wishes_.outputs.push_back(wish(3));
  EXPECT_NE(encode(response(output_of<float>("o", DataType::kFp32, {0, 3}, {})))
                .find(R"("shape":[0,0],"data":[])"),
            std::string::npos);
}

TEST_F(HttpReplyTest, puts_classes_behind_the_json_too) {
  wishes_.outputs.push_back(wish(1));
  wishes_.outputs[0].binary = true;
  (void)encode(scores());
  ASSERT_EQ(reply_.parts.size(), 1U);
  EXPECT_EQ(part(0), std::string("\x0a\0\0\0"
                                 "2.000000:1"
                                 "\x0a\0\0\0"
                                 "7.000000:1",
                                 28));
}

TEST_F(HttpReplyTest, refuses_classes_of_strings) {
  wishes_.outputs.push_back(wish(1));
  const std::vector<std::string_view> strings = {"a"};
  EXPECT_EQ(encode(response({"o", *Tensor::of_strings({1, 1}, strings)})),
            "INVALID_ARGUMENT: output 'o': there is no classification of BYTES");
}

TEST_F(HttpReplyTest, refuses_what_json_cannot_carry) {
  const std::vector<std::string_view> strings = {"\xff"};
  EXPECT_EQ(
      encode(response({"o", *Tensor::of_strings({1}, strings)})),
      "INVALID_ARGUMENT: output 'o': element 0 is not UTF-8, which JSON cannot carry; ask for "
      "binary data");
  EXPECT_EQ(encode(response({"o", *Tensor::allocate(DataType::kFp16, {1})})),
            "INVALID_ARGUMENT: output 'o': FP16 has no JSON; it travels as binary data alone");
}

TEST_F(HttpReplyTest, writes_outputs_to_shared_memory) {
  SharedMemoryRegions regions(true);
  const testing::SharedMemoryObject object(std::string(16, 'x'));
  ASSERT_TRUE(regions.add("r", object.key(), 0, 16).ok());
  wishes_.outputs.push_back(wish(0));
  wishes_.outputs[0].target = *regions.slice("r", 4, 8);
  wishes_.outputs[0].region = "r";
  wishes_.outputs[0].region_offset = 4;
  EXPECT_EQ(encode(response(output_of<std::uint8_t>("o", DataType::kUint8, {3}, {1, 2, 3}))),
            R"({"model_name":"m","model_version":"3","outputs":[{"name":"o","datatype":"UINT8",)"
            R"("shape":[3],"parameters":{"shared_memory_region":"r","shared_memory_offset":4,)"
            R"("shared_memory_byte_size":3}}]})");
  EXPECT_EQ(object.read(8), "xxxx\1\2\3x");
  EXPECT_EQ(encode(scores()),
            "INVALID_ARGUMENT: output 'o': it takes 24 bytes, shared_memory_byte_size "
            "is 8");
}

TEST_F(HttpReplyTest, can_be_used_again) {
  wishes_.binary = true;
  (void)encode(scores());
  wishes_.binary = false;
  (void)encode(scores());
  EXPECT_TRUE(reply_.parts.empty());
  EXPECT_FALSE(reply_.binary);
}

}  // namespace
}  // namespace muster
