// SPDX-License-Identifier: Apache-2.0
#include "comparing/output_comparison.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
Tensor tensor_of(DataType type, const Shape& shape, const std::vector<T>& values) {
  return Tensor::copy_of(type, shape, std::as_bytes(std::span(values))).value();
}

Tensor floats(const std::vector<float>& values) {
  return tensor_of(DataType::kFp32, {static_cast<std::int64_t>(values.size())}, values);
}

OutputFindings compare(const std::vector<Tensor>& expected, const std::vector<Tensor>& given,
                       double tolerance = 0.01) {
  OutputReference reference;
  for (const Tensor& row : expected)
    EXPECT_TRUE(reference.add(row.view()).ok());
  OutputComparison comparison(reference, tolerance);
  for (std::size_t i = 0; i < given.size(); ++i)
    EXPECT_TRUE(comparison.add(static_cast<std::int64_t>(i), given[i].view()).ok());
  return comparison.findings();
}

template <typename... Tensors>
std::vector<Tensor> rows(Tensors... tensors) {
  std::vector<Tensor> list;
  (list.push_back(std::move(tensors)), ...);
  return list;
}

TEST(OutputComparison, finds_nothing_between_equal_ones) {
  const OutputFindings found = compare(rows(floats({1, -2, 0})), rows(floats({1, -2, 0})), 0);
  EXPECT_TRUE(found.within_tolerance());
  EXPECT_EQ(found.elements, 3U);
  EXPECT_EQ(found.max_abs, 0);
  EXPECT_EQ(found.mean_rel, 0);
}

TEST(OutputComparison, measures_errors_by_the_value_and_by_the_scale_of_the_output) {
  // The root mean square of 3, 4, 0 and 0 is 2.5.
  const OutputFindings found =
      compare(rows(floats({3, 4}), floats({0, 0})), rows(floats({3, 5}), floats({0, -0.5})), 1);
  EXPECT_DOUBLE_EQ(found.max_abs, 1);
  EXPECT_DOUBLE_EQ(found.mean_abs, 1.5 / 4);
  EXPECT_DOUBLE_EQ(found.max_rel, 0.25);               // 1 of 4
  EXPECT_DOUBLE_EQ(found.mean_rel, (0.25 + 0.2) / 4);  // and 0.5 of 2.5
  EXPECT_TRUE(found.within_tolerance());
}

TEST(OutputComparison, names_the_first_element_beyond_the_tolerance) {
  const auto matrix = [](const std::vector<float>& values) {
    return tensor_of(DataType::kFp32, {2, 2}, values);
  };
  const OutputFindings found = compare(rows(matrix({1, 1, 1, 1}), matrix({1, 1, 1, 1})),
                                       rows(matrix({1, 1, 1, 1.001F}), matrix({1, 1, 2, 3})));
  EXPECT_EQ(found.differing, 2U);
  ASSERT_TRUE(found.first.has_value());
  EXPECT_EQ(found.first->row, 1);
  EXPECT_EQ(found.first->element, (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(found.first->expected.text, "1");
  EXPECT_EQ(found.first->given.text, "2");
  EXPECT_TRUE(found.first->given.numeric);
}

TEST(OutputComparison, names_the_first_row_also_where_rows_come_in_another_order) {
  OutputReference reference;
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(reference.add(floats({1, 1}).view()).ok());
  OutputComparison comparison(reference, 0.01);
  for (const std::int64_t row : {2, 0, 1, 0})
    ASSERT_TRUE(comparison.add(row, floats({1, row == 0 ? 1.0F : 3.0F}).view()).ok());
  EXPECT_EQ(comparison.findings().first->row, 1);
  EXPECT_EQ(comparison.findings().elements, 8U);
}

TEST(OutputComparison, takes_what_is_no_number_for_equal_to_its_like_alone) {
  EXPECT_TRUE(compare(rows(floats({kNan, kInfinity, -kInfinity, 1})),
                      rows(floats({kNan, kInfinity, -kInfinity, 1})), 0)
                  .within_tolerance());
  for (const auto& [expected, given] : {std::pair{1.0F, kNan},
                                        {kNan, 1.0F},
                                        {1.0F, kInfinity},
                                        {kInfinity, 1.0F},
                                        {kInfinity, -kInfinity},
                                        {kInfinity, kNan},
                                        {kNan, -kInfinity}}) {
    const OutputFindings found = compare(rows(floats({expected})), rows(floats({given})), 1e30);
    EXPECT_EQ(found.differing, 1U) << expected << " " << given;
    EXPECT_EQ(found.max_abs, 0) << "no infinite error";
  }
  const OutputFindings found = compare(rows(floats({2, kNan})), rows(floats({3, -kInfinity})), 1);
  EXPECT_DOUBLE_EQ(found.mean_abs, 1) << "of what can be measured";
  EXPECT_EQ(found.first->expected.text, "NaN");
  EXPECT_EQ(found.first->given.text, "-Infinity");
  EXPECT_FALSE(found.first->given.numeric);
}

TEST(OutputComparison, finds_anything_where_nothing_was_expected) {
  EXPECT_EQ(compare(rows(floats({0, 0})), rows(floats({0, 1e-30F})), 1e30).differing, 1U);
}

TEST(OutputComparison, compares_integers_and_texts_exactly) {
  const std::vector<std::int64_t> left = {5, 9007199254740993};
  const std::vector<std::int64_t> right = {5, 9007199254740992};  // the same as doubles
  const OutputFindings found = compare(rows(tensor_of(DataType::kInt64, {2}, left)),
                                       rows(tensor_of(DataType::kInt64, {2}, right)), 1e30);
  EXPECT_TRUE(found.exact);
  EXPECT_EQ(found.differing, 1U);
  EXPECT_EQ(found.first->expected.text, "9007199254740993");

  const auto texts = [](std::vector<std::string_view> words) {
    return Tensor::of_strings({static_cast<std::int64_t>(words.size())}, words).value();
  };
  const OutputFindings of_texts =
      compare(rows(texts({"a", "bb"})), rows(texts({"a", "b\n"})), 1e30);
  EXPECT_EQ(of_texts.differing, 1U);
  EXPECT_EQ(of_texts.first->element, std::vector<std::int64_t>{1});
  EXPECT_EQ(of_texts.first->given.text, "b\\x0a");
  EXPECT_TRUE(compare(rows(texts({"a", ""})), rows(texts({"a", ""})), 0).within_tolerance());
}

TEST(OutputComparison, tells_of_another_shape_or_type) {
  const OutputFindings shape = compare(rows(floats({1, 2})), rows(floats({1, 2, 3})), 1e30);
  EXPECT_TRUE(shape.first->of_shape);
  EXPECT_EQ(shape.first->expected.text, "FP32 [2]");
  EXPECT_EQ(shape.first->given.text, "FP32 [3]");
  EXPECT_EQ(shape.differing, 2U);
  const std::vector<std::int32_t> ones = {1, 1};
  EXPECT_TRUE(compare(rows(floats({1, 1})), rows(tensor_of(DataType::kInt32, {2}, ones)), 1e30)
                  .first->of_shape);
}

TEST(OutputComparison, reads_floating_point_elements_of_every_width) {
  const std::vector<double> wide = {1.5, -2};
  EXPECT_TRUE(compare(rows(floats({1.5F, -2})), rows(tensor_of(DataType::kFp64, {2}, wide)), 0)
                  .within_tolerance());
  const std::vector<std::uint16_t> halves = {0x3E00, 0xC000};
  EXPECT_TRUE(compare(rows(floats({1.5F, -2})), rows(tensor_of(DataType::kFp16, {2}, halves)), 0)
                  .within_tolerance());
}

TEST(OutputComparison, measures_what_is_too_large_or_small_to_be_squared) {
  const auto doubles = [](const std::vector<double>& values) {
    return tensor_of(DataType::kFp64, {static_cast<std::int64_t>(values.size())}, values);
  };
  for (const double size : {1e200, 1e-200}) {
    const OutputFindings found =
        compare(rows(doubles({size, 0})), rows(doubles({2 * size, size})), 0.01);
    EXPECT_EQ(found.differing, 2U);
    EXPECT_DOUBLE_EQ(found.max_rel, std::sqrt(2)) << "of the second, by the scale";
    EXPECT_DOUBLE_EQ(found.max_abs, size);
  }
  OutputReference reference;
  ASSERT_TRUE(reference.add(doubles({3e200, -4e200}).view()).ok());
  EXPECT_DOUBLE_EQ(reference.scale(), 5e200 / std::sqrt(2));
}

TEST(OutputComparison, counts_rows_that_agree_on_their_highest) {
  const OutputFindings found = compare(
      rows(floats({0, 1, 0}), floats({5, 1, 0}), floats({0, 0, 2}), floats({kNan, 1, 0})),
      rows(floats({0, 2, 0}), floats({1, 5, 0}), floats({0, 0, 1}), floats({kNan, 1, 0})), 1e30);
  EXPECT_EQ(found.scored_rows, 3U) << "a row with a NaN has no highest";
  EXPECT_EQ(found.agreeing_rows, 2U);
  EXPECT_EQ(found.choices, 3U);
  EXPECT_DOUBLE_EQ(*found.agreement(), 2.0 / 3);
}

TEST(OutputComparison, looks_for_a_highest_only_in_what_looks_like_scores) {
  OutputReference single;
  ASSERT_TRUE(single.add(floats({1}).view()).ok());
  EXPECT_FALSE(single.looks_like_scores());
  OutputReference image;
  ASSERT_TRUE(image.add(tensor_of<float>(DataType::kFp32, {2, 2}, {1, 2, 3, 4}).view()).ok());
  EXPECT_FALSE(image.looks_like_scores());
  OutputReference pooled;
  ASSERT_TRUE(pooled.add(tensor_of<float>(DataType::kFp32, {4, 1, 1}, {1, 2, 3, 4}).view()).ok());
  EXPECT_TRUE(pooled.looks_like_scores());
}

TEST(OutputComparison, refuses_bytes_that_are_not_what_the_shape_says) {
  OutputReference reference;
  const std::vector<float> values = {1, 2};
  EXPECT_FALSE(reference.add({DataType::kFp32, {3}, std::as_bytes(std::span(values))}).ok());
  ASSERT_TRUE(reference.add(floats({1, 2}).view()).ok());
  OutputComparison comparison(reference, 0);
  EXPECT_FALSE(comparison.add(0, {DataType::kFp32, {1}, std::as_bytes(std::span(values))}).ok());
}

TEST(OutputComparison, takes_rows_without_elements) {
  EXPECT_TRUE(compare(rows(floats({})), rows(floats({})), 0).within_tolerance());
}

}  // namespace
}  // namespace muster
