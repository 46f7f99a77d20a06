// SPDX-License-Identifier: Apache-2.0
#include "comparing/signature_differences.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

const TensorSpec kInput{"x", DataType::kFp32, {kDynamicDim, 4}, {}};
const TensorSpec kOutput{"y", DataType::kFp32, {kDynamicDim, 2}, {}};

std::string differences(std::vector<TensorSpec> inputs, std::vector<TensorSpec> outputs) {
  return signature_differences({{kInput}, {kOutput}}, {std::move(inputs), std::move(outputs)});
}

TEST(SignatureDifferences, are_none_where_shapes_can_be_the_same) {
  EXPECT_EQ(differences({kInput}, {kOutput}), "");
  const TensorSpec open{"x", DataType::kFp32, {kDynamicDim, kDynamicDim}, {}};
  const TensorSpec fixed{"y", DataType::kFp32, {8, 2}, {}};
  EXPECT_EQ(differences({open}, {fixed}), "");
}

TEST(SignatureDifferences, are_all_named) {
  const TensorSpec integers{"x", DataType::kInt64, {kDynamicDim, 4}, {}};
  const TensorSpec wide{"y", DataType::kFp32, {kDynamicDim, 3}, {}};
  EXPECT_EQ(differences({integers}, {wide}),
            "input 'x' is INT64 [-1,4] instead of FP32 [-1,4]; "
            "output 'y' is FP32 [-1,3] instead of FP32 [-1,2]");
  const TensorSpec deep{"x", DataType::kFp32, {kDynamicDim, 4, 1}, {}};
  EXPECT_EQ(differences({deep}, {kOutput}), "input 'x' is FP32 [-1,4,1] instead of FP32 [-1,4]");
}

TEST(SignatureDifferences, are_tensors_that_only_one_has) {
  const TensorSpec other{"z\n", DataType::kFp32, {1}, {}};
  EXPECT_EQ(differences({}, {kOutput, other}),
            "there is no input 'x'; output 'z\\x0a' is one too many");
  EXPECT_EQ(differences({kInput}, {kOutput, kOutput}), "output 'y' is one too many");
}

}  // namespace
}  // namespace muster
