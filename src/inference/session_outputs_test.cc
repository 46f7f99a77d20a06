// SPDX-License-Identifier: Apache-2.0
#include "inference/session_outputs.h"

#include <array>

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(SessionOutputs, are_there_after_a_run) {
  const std::array<std::byte, 1> bytes{};
  const std::array<TensorView, 2> outputs{TensorView{DataType::kInt8, {1}, bytes}, TensorView{}};
  const auto output = output_of_run(outputs, true, 0);
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->bytes.data(), bytes.data());
  EXPECT_EQ(output_of_run(outputs, false, 0).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(output_of_run(outputs, true, 1).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(output_of_run(outputs, true, 2).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace muster
