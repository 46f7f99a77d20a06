// SPDX-License-Identifier: Apache-2.0
#include "inference/signature.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace muster {
namespace {

TensorSpec tensor(std::string name, Shape shape) {
  return {std::move(name), DataType::kFp32, std::move(shape), {}};
}

TEST(ModelSignature, has_a_batch_axis_where_every_input_has_an_open_first_axis) {
  EXPECT_TRUE((ModelSignature{{tensor("a", {-1, 3})}, {}}).has_batch_axis());
  EXPECT_TRUE((ModelSignature{{tensor("a", {-1, 3}), tensor("b", {-1})}, {}}).has_batch_axis());
  EXPECT_TRUE((ModelSignature{{tensor("a", {-1, -1})}, {}}).has_batch_axis());
}

TEST(ModelSignature, has_no_batch_axis_where_one_input_has_none) {
  EXPECT_FALSE((ModelSignature{{tensor("a", {4, 3})}, {}}).has_batch_axis());
  EXPECT_FALSE((ModelSignature{{tensor("a", {1, -1})}, {}}).has_batch_axis());
  EXPECT_FALSE((ModelSignature{{tensor("a", {-1, 3}), tensor("b", {3})}, {}}).has_batch_axis());
  EXPECT_FALSE((ModelSignature{{tensor("a", {-1, 3}), tensor("b", {})}, {}}).has_batch_axis());
}

TEST(ModelSignature, tells_the_input_without_a_batch_axis) {
  const ModelSignature fixed{{tensor("a", {-1, 3}), tensor("b", {3}), tensor("c", {})}, {}};
  EXPECT_EQ(input_without_batch_axis(fixed), &fixed.inputs[1]);
  EXPECT_EQ(input_without_batch_axis({{tensor("a", {-1, 3})}, {}}), nullptr);
  EXPECT_EQ(input_without_batch_axis({}), nullptr);
}

TEST(ModelSignature, has_no_batch_axis_without_inputs) {
  EXPECT_FALSE((ModelSignature{{}, {tensor("out", {-1})}}).has_batch_axis());
}

TEST(ModelSignature, finds_tensors_by_name) {
  const ModelSignature signature{{tensor("a", {-1}), tensor("b", {-1})}, {tensor("a", {-1, 2})}};
  EXPECT_EQ(signature.find_input("b"), &signature.inputs[1]);
  EXPECT_EQ(signature.find_output("a"), &signature.outputs[0]);
  EXPECT_EQ(signature.find_input("c"), nullptr);
  EXPECT_EQ(signature.find_output("b"), nullptr);
  EXPECT_EQ(signature.find_output(""), nullptr);
}

TEST(ModelConfig, says_where_a_parameter_stands) {
  ModelConfig config;
  EXPECT_EQ(config.parameter_place("x"), "parameter 'x'");
  config.config_file = "models/lenet/config.pbtxt";
  config.parameter_lines["x"] = 12;
  EXPECT_EQ(config.parameter_place("x"), "models/lenet/config.pbtxt:12: parameter 'x'");
}

}  // namespace
}  // namespace muster
