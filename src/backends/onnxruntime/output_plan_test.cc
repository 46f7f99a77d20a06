// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/output_plan.h"

#include <gtest/gtest.h>

namespace muster::onnxruntime {
namespace {

TensorSpec spec(Shape shape, std::vector<std::string> names, DataType type = DataType::kFp32) {
  return {"t", type, std::move(shape), std::move(names)};
}

TEST(OutputPlan, takes_open_dimensions_from_the_input_of_the_same_name) {
  const OutputPlan plan({{spec({-1, 3}, {"batch", ""}), spec({-1, -1}, {"batch", "length"})},
                         {spec({-1, 10, -1}, {"batch", "", "length"})}});
  const std::vector<Shape> inputs = {{4, 3}, {4, 7}};
  EXPECT_EQ(plan.predict(0, inputs), (Shape{4, 10, 7}));
}

TEST(OutputPlan, knows_static_shapes_and_scalars) {
  const OutputPlan plan({{spec({2}, {})}, {spec({5, 6}, {}), spec({}, {})}});
  const std::vector<Shape> inputs = {{2}};
  EXPECT_EQ(plan.predict(0, inputs), (Shape{5, 6}));
  EXPECT_EQ(plan.predict(1, inputs), Shape());
}

TEST(OutputPlan, leaves_unnamed_and_unmatched_dimensions_to_the_runtime) {
  const OutputPlan plan({{spec({-1, 3}, {"batch", ""})},
                         {spec({-1}, {}), spec({-1}, {"rows"}), spec({-1, 3}, {"", ""})}});
  const std::vector<Shape> inputs = {{4, 3}};
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(plan.predict(i, inputs), std::nullopt) << i;
}

TEST(OutputPlan, leaves_strings_to_the_runtime) {
  const OutputPlan plan({{spec({2}, {})}, {spec({2}, {}, DataType::kBytes)}});
  const std::vector<Shape> inputs = {{2}};
  EXPECT_EQ(plan.predict(0, inputs), std::nullopt);
}

TEST(OutputPlan, predicts_nothing_from_an_input_of_the_wrong_rank) {
  const OutputPlan plan({{spec({-1, -1}, {"batch", "length"})}, {spec({-1}, {"length"})}});
  const std::vector<Shape> inputs = {{4}};
  EXPECT_EQ(plan.predict(0, inputs), std::nullopt);
}

TEST(OutputPlan, never_again_predicts_a_distrusted_output) {
  OutputPlan plan({{spec({2}, {})}, {spec({2}, {}), spec({2}, {})}});
  const std::vector<Shape> inputs = {{2}};
  plan.distrust(0);
  EXPECT_EQ(plan.predict(0, inputs), std::nullopt);
  EXPECT_EQ(plan.predict(1, inputs), Shape{2});
}

}  // namespace
}  // namespace muster::onnxruntime
