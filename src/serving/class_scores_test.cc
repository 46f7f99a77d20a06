// SPDX-License-Identifier: Apache-2.0
#include "serving/class_scores.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <typename T>
Tensor tensor(DataType type, Shape shape, const std::vector<T>& values) {
  return *Tensor::copy_of(type, std::move(shape), std::as_bytes(std::span(values)));
}

Tensor floats(Shape shape, const std::vector<float>& values) {
  return tensor(DataType::kFp32, std::move(shape), values);
}

Result<std::vector<std::vector<ClassScore>>> scores(const Tensor& output,
                                                    const std::string& activation = "auto",
                                                    std::size_t top_k = 10,
                                                    const std::vector<std::string>& labels = {}) {
  return class_scores(output.view(), activation, labels, top_k);
}

TEST(ClassScores, turns_logits_into_probabilities_best_first) {
  const auto rows = scores(floats({1, 3}, {1, 3, 2}));
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 1U);
  const std::vector<ClassScore>& row = rows->front();
  ASSERT_EQ(row.size(), 3U);
  const double sum = std::exp(-2.0) + 1 + std::exp(-1.0);
  EXPECT_EQ(row[0].index, 1);
  EXPECT_NEAR(row[0].probability, 1 / sum, 1e-12);
  EXPECT_EQ(row[1].index, 2);
  EXPECT_NEAR(row[1].probability, std::exp(-1.0) / sum, 1e-12);
  EXPECT_EQ(row[2].index, 0);
  EXPECT_NEAR(row[2].probability, std::exp(-2.0) / sum, 1e-12);
}

TEST(ClassScores, leaves_a_row_alone_that_already_is_a_distribution) {
  const auto rows = scores(floats({2, 2}, {0.25F, 0.75F, 0, 1}));
  EXPECT_EQ((*rows)[0][0].probability, 0.75);
  EXPECT_EQ((*rows)[1][0].probability, 1);
}

TEST(ClassScores, decides_row_by_row_whether_it_is_a_distribution) {
  const auto rows = scores(floats({2, 2}, {0.25F, 0.75F, -1, 2}));
  EXPECT_EQ((*rows)[0][0].probability, 0.75);
  EXPECT_NEAR((*rows)[1][0].probability, 1 / (1 + std::exp(-3.0)), 1e-12);
}

TEST(ClassScores, obeys_the_activation_that_is_given) {
  const Tensor output = floats({1, 2}, {0.25F, 0.75F});
  EXPECT_NEAR((*scores(output, "softmax"))[0][0].probability, 1 / (1 + std::exp(-0.5)), 1e-12);
  EXPECT_EQ((*scores(output, "none"))[0][0].probability, 0.75);
  EXPECT_EQ((*scores(floats({1, 2}, {-7, 5}), "none"))[0][0].probability, 5);
}

TEST(ClassScores, does_not_overflow_on_large_logits) {
  const auto rows = scores(floats({1, 3}, {3e38F, 3e38F, -3e38F}));
  EXPECT_EQ((*rows)[0][0].probability, 0.5);
  EXPECT_EQ((*rows)[0][2].probability, 0);
}

TEST(ClassScores, gives_everything_to_an_infinite_logit) {
  EXPECT_EQ((*scores(floats({1, 3}, {1, kInfinity, 2})))[0][0].probability, 1);
  EXPECT_EQ((*scores(floats({1, 3}, {1, kInfinity, 2})))[0][0].index, 1);
  EXPECT_EQ((*scores(floats({1, 2}, {kInfinity, kInfinity})))[0][0].probability, 0.5);
  EXPECT_EQ((*scores(floats({1, 2}, {-kInfinity, -kInfinity})))[0][0].probability, 0.5);
  EXPECT_EQ((*scores(floats({1, 2}, {-kInfinity, 0})))[0][0].probability, 1);
}

TEST(ClassScores, refuses_a_row_with_a_nan) {
  for (const char* activation : {"auto", "softmax", "none"}) {
    const auto rows = scores(floats({2, 2}, {1, 2, 3, kNan}), activation);
    EXPECT_EQ(rows.status().to_string(), "DATA_LOSS: the model's output for row 1 is not a number");
  }
}

TEST(ClassScores, orders_equals_by_index) {
  const auto rows = scores(floats({1, 4}, {1, 2, 2, 1}));
  std::vector<std::int64_t> order;
  for (const ClassScore& score : (*rows)[0])
    order.push_back(score.index);
  EXPECT_EQ(order, (std::vector<std::int64_t>{1, 2, 0, 3}));
}

TEST(ClassScores, gives_as_many_as_were_asked_for_and_there_are) {
  const Tensor output = floats({1, 3}, {1, 3, 2});
  EXPECT_EQ((*scores(output, "auto", 0))[0].size(), 0U);
  EXPECT_EQ((*scores(output, "auto", 1))[0].size(), 1U);
  EXPECT_EQ((*scores(output, "auto", 3))[0].size(), 3U);
  EXPECT_EQ((*scores(output, "auto", std::numeric_limits<std::size_t>::max()))[0].size(), 3U);
}

TEST(ClassScores, names_classes_by_label_or_else_by_index) {
  const auto rows = scores(floats({1, 3}, {1, 3, 2}), "auto", 3, {"cat", "dog"});
  EXPECT_EQ((*rows)[0][0].label, "dog");
  EXPECT_EQ((*rows)[0][1].label, "2");
  EXPECT_EQ((*rows)[0][2].label, "cat");
}

TEST(ClassScores, takes_one_axis_of_classes_wherever_the_others_are_1) {
  for (const Shape& shape : {Shape{2, 3}, Shape{2, 3, 1, 1}, Shape{2, 1, 1, 3}}) {
    const auto rows = scores(floats(shape, {1, 3, 2, 9, 1, 1}));
    ASSERT_TRUE(rows.ok()) << shape.to_string();
    ASSERT_EQ(rows->size(), 2U);
    EXPECT_EQ((*rows)[0][0].index, 1);
    EXPECT_EQ((*rows)[1][0].index, 0);
  }
}

TEST(ClassScores, takes_a_single_axis_for_one_row) {
  const auto rows = scores(floats({3}, {1, 3, 2}));
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ((*rows)[0].size(), 3U);
}

TEST(ClassScores, takes_rows_of_one_class) {
  const auto rows = scores(floats({3, 1}, {0.5F, -1, 2}), "none");
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[2][0].probability, 2);
}

TEST(ClassScores, refuses_what_is_no_row_of_classes) {
  EXPECT_EQ(scores(floats({2, 3, 4}, std::vector<float>(24, 0))).status().to_string(),
            "FAILED_PRECONDITION: an output of shape [2,3,4] holds no class scores");
  EXPECT_EQ(scores(floats({}, {1})).status().to_string(),
            "FAILED_PRECONDITION: an output of type FP32 and shape [] holds no class scores");
  EXPECT_FALSE(scores(floats({0, 3}, {})).ok());
  EXPECT_FALSE(scores(floats({3, 0}, {})).ok());
  EXPECT_FALSE(scores(floats({0}, {})).ok());
}

TEST(ClassScores, refuses_types_that_are_no_scores) {
  EXPECT_EQ(scores(tensor<std::int64_t>(DataType::kInt64, {1, 2}, {1, 2})).status().to_string(),
            "FAILED_PRECONDITION: an output of type INT64 and shape [1,2] holds no class scores");
  EXPECT_FALSE(scores(*Tensor::of_strings({1, 1}, std::vector<std::string_view>{"cat"})).ok());
  EXPECT_FALSE(scores(Tensor()).ok());
}

TEST(ClassScores, refuses_bytes_that_do_not_fit_the_shape) {
  const std::vector<float> values = {1, 2, 3};
  const auto bytes = std::as_bytes(std::span(values));
  EXPECT_FALSE(class_scores({DataType::kFp32, {1, 4}, bytes}, "auto", {}, 1).ok());
  EXPECT_FALSE(class_scores({DataType::kFp32, {-1, 3}, bytes}, "auto", {}, 1).ok());
  EXPECT_FALSE(class_scores({DataType::kFp64, {1, std::int64_t{1} << 61}, {}}, "auto", {}, 1).ok());
}

TEST(ClassScores, reads_every_floating_point_type) {
  EXPECT_EQ(
      (*scores(tensor<double>(DataType::kFp64, {1, 2}, {0.125, 2}), "none"))[0][0].probability, 2);
  // 1.5, -2, the largest, the smallest above 0
  const auto halves = scores(
      tensor<std::uint16_t>(DataType::kFp16, {1, 4}, {0x3E00, 0xC000, 0x7BFF, 0x0001}), "none");
  EXPECT_EQ((*halves)[0][0].probability, 65504);
  EXPECT_EQ((*halves)[0][1].probability, 1.5);
  EXPECT_EQ((*halves)[0][2].probability, std::ldexp(1.0, -24));
  EXPECT_EQ((*halves)[0][3].probability, -2);
  const auto brains =
      scores(tensor<std::uint16_t>(DataType::kBf16, {1, 2}, {0x3FC0, 0xC000}), "none");
  EXPECT_EQ((*brains)[0][0].probability, 1.5);
  EXPECT_EQ((*brains)[0][1].probability, -2);
}

TEST(ClassScores, knows_the_infinities_and_nans_of_16_bits) {
  EXPECT_EQ(
      (*scores(tensor<std::uint16_t>(DataType::kFp16, {1, 2}, {0x7C00, 0xFC00})))[0][0].probability,
      1);
  EXPECT_FALSE(scores(tensor<std::uint16_t>(DataType::kFp16, {1, 2}, {0x7C01, 0})).ok());
  EXPECT_FALSE(scores(tensor<std::uint16_t>(DataType::kBf16, {1, 2}, {0x7FC0, 0})).ok());
}

ModelConfig with_outputs(const std::vector<std::string>& names) {
  ModelConfig config;
  config.name = "m";
  for (const std::string& name : names) {
    config.outputs.push_back({name, DataType::kFp32, {-1, 3}, {}});
  }
  return config;
}

TEST(ClassifyingOutput, is_the_only_one) {
  const ModelConfig config = with_outputs({"out"});
  EXPECT_EQ(*classifying_output(config), &config.outputs[0]);
}

TEST(ClassifyingOutput, is_the_one_with_labels) {
  ModelConfig config = with_outputs({"boxes", "classes"});
  config.labels["classes"] = {"a", "b", "c"};
  EXPECT_EQ(*classifying_output(config), &config.outputs[1]);
}

TEST(ClassifyingOutput, is_missing_where_none_of_several_has_labels) {
  const ModelConfig config = with_outputs({"a", "b"});
  EXPECT_EQ(classifying_output(config).status().to_string(),
            "FAILED_PRECONDITION: model 'm' has 2 outputs and none with labels: name the one that "
            "classifies by its label_filename in config.pbtxt");
  const ModelConfig none = with_outputs({});
  EXPECT_FALSE(classifying_output(none).ok());
}

}  // namespace
}  // namespace muster
