// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "protocol/http/http_infer.h"
#include "protocol/testing/bodies.h"

namespace muster {
namespace {

using testing::body_of;
using testing::elements_of;
using testing::raw;

class RawInferTest : public ::testing::Test {
 protected:
  Result<InferCall> decode(std::string_view body, DataType type, Shape shape) {
    const auto model = testing::model_of({"x", type, std::move(shape), {}}, {});
    return decode_raw_infer(body_of(body), *model, decoding_.context);
  }
  testing::Decoding decoding_;
};

TEST_F(RawInferTest, is_a_batch_of_one_and_answered_in_binary) {
  const auto call = decode(raw<float>({1, 2, 3}), DataType::kFp32, {-1, 3});
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_EQ(call->request.inputs[0].name, "x");
  EXPECT_EQ(call->request.inputs[0].tensor.shape, (Shape{1, 3}));
  EXPECT_EQ(elements_of<float>(call->request.inputs[0].tensor), (std::vector<float>{1, 2, 3}));
  EXPECT_TRUE(call->wishes.binary);
}

TEST_F(RawInferTest, tells_one_open_dimension_from_the_size) {
  const auto call = decode(raw<float>({1, 2, 3, 4}), DataType::kFp32, {-1, -1, 2});
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_EQ(call->request.inputs[0].tensor.shape, (Shape{1, 2, 2}));
}

TEST_F(RawInferTest, refuses_what_does_not_fit) {
  EXPECT_EQ(decode(raw<float>({1, 2}), DataType::kFp32, {-1, 3}).status().message(),
            "input 'x': shape [1,3] of FP32 takes 12 bytes, 8 given");
  EXPECT_EQ(decode(raw<float>({1, 2, 3}), DataType::kFp32, {-1, -1, 2}).status().message(),
            "input 'x': a raw body (Inference-Header-Content-Length: 0) of 12 bytes does not fill "
            "shape [-1,-1,2]");
  EXPECT_FALSE(decode("1234", DataType::kFp32, {-1, -1, -1}).ok());
  EXPECT_FALSE(decode("1234", DataType::kFp32, {-1, -1, 0}).ok());
}

TEST_F(RawInferTest, is_one_string_without_its_length) {
  const auto call = decode("hello", DataType::kBytes, {-1, 1});
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_EQ((*bytes_elements(call->request.inputs[0].tensor))[0], "hello");
  EXPECT_FALSE(decode("hello", DataType::kBytes, {-1, 2}).ok());
}

TEST_F(RawInferTest, is_for_models_with_one_input) {
  const auto model = testing::model_of({"x", DataType::kFp32, {-1, 1}, {}}, {});
  model->config.inputs.push_back(model->config.inputs[0]);
  EXPECT_EQ(decode_raw_infer(body_of("1234"), *model, decoding_.context).status().message(),
            "model 'm' has 2 inputs; a raw body (Inference-Header-Content-Length: 0) is for models "
            "with one");
}

}  // namespace
}  // namespace muster
