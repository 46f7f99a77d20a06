// SPDX-License-Identifier: Apache-2.0
#include "measuring/sample_inputs.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 30;

ModelSignature one_input(DataType type, const Shape& shape) {
  return {{{"x", type, shape, {}}}, {}};
}

std::string refusal(const ModelSignature& signature, bool stacked, const RowShapes& given,
                    std::uint64_t limit = kPlenty) {
  const auto inputs = SampleInputs::make(signature, stacked, 2, given, limit);
  return inputs.ok() ? "none" : std::string(inputs.status().message());
}

TEST(SampleInputs, have_the_rows_asked_for) {
  const auto inputs =
      SampleInputs::make(one_input(DataType::kFp32, {-1, 3, 2}), true, 5, {}, kPlenty);
  ASSERT_TRUE(inputs.ok());
  EXPECT_EQ(inputs->tensors()[0].shape(), (Shape{5, 3, 2}));
}

TEST(SampleInputs, are_fractions_that_differ_and_are_the_same_each_time) {
  std::vector<float> seen[2];
  for (auto& values : seen) {
    const auto inputs =
        SampleInputs::make(one_input(DataType::kFp32, {-1, 100}), true, 2, {}, kPlenty);
    ASSERT_TRUE(inputs.ok());
    const auto elements = inputs->tensors()[0].elements<float>();
    values.assign(elements.begin(), elements.end());
    EXPECT_TRUE(std::ranges::all_of(values, [](float x) { return x >= 0.5F && x < 1; }));
  }
  EXPECT_EQ(seen[0], seen[1]);
  std::ranges::sort(seen[0]);
  EXPECT_EQ(std::ranges::adjacent_find(seen[0]), seen[0].end());
}

TEST(SampleInputs, have_no_zero_of_any_type) {
  for (const DataType type :
       {DataType::kBool, DataType::kUint8, DataType::kInt8, DataType::kInt16, DataType::kUint16,
        DataType::kInt32, DataType::kUint32, DataType::kInt64, DataType::kUint64, DataType::kFp16,
        DataType::kBf16, DataType::kFp32, DataType::kFp64}) {
    const auto inputs = SampleInputs::make(one_input(type, {-1, 9}), true, 3, {}, kPlenty);
    ASSERT_TRUE(inputs.ok()) << data_type_name(type);
    const auto bytes = inputs->tensors()[0].bytes();
    const std::size_t size = element_size(type);
    for (std::size_t at = 0; at < bytes.size(); at += size) {
      EXPECT_TRUE(std::ranges::any_of(bytes.subspan(at, size), [](std::byte byte) {
        return byte != std::byte{0};
      })) << data_type_name(type);
    }
  }
}

TEST(SampleInputs, are_texts_where_texts_are_wanted) {
  const auto inputs =
      SampleInputs::make(one_input(DataType::kBytes, {-1, 2}), true, 3, {}, kPlenty);
  ASSERT_TRUE(inputs.ok());
  const auto words = bytes_elements(inputs->tensors()[0].view());
  ASSERT_TRUE(words.ok());
  EXPECT_EQ(*words, (std::vector<std::string_view>(6, "1")));
}

TEST(SampleInputs, take_the_shape_that_is_given_for_open_dimensions) {
  const auto signature = one_input(DataType::kFp32, {-1, 3, -1, -1});
  EXPECT_EQ(refusal(signature, true, {}),
            "input 'x' has open dimensions [-1,3,-1,-1] besides the batch axis; give the shape of "
            "a row with --shape x:3,D,D");
  EXPECT_EQ(refusal(signature, false, {}),
            "input 'x' has open dimensions [-1,3,-1,-1]; give the shape of the input with --shape "
            "x:D,3,D,D");
  EXPECT_EQ(refusal(signature, true, {{"x", {3, 8, 8}}}), "none");
  EXPECT_EQ(refusal(signature, true, {{"x", {4, 8, 8}}}),
            "input 'x' takes [3,-1,-1] a row, not [4,8,8]");
  EXPECT_EQ(refusal(signature, true, {{"x", {3, 8}}}),
            "input 'x' takes [3,-1,-1] a row, not [3,8]");
  EXPECT_EQ(refusal(signature, true, {{"x", {3, 8, 0}}}),
            "input 'x' takes [3,-1,-1] a row, not [3,8,0]");
  EXPECT_EQ(refusal(signature, false, {{"x", {2, 3, 8, 8}}}), "none");
}

TEST(SampleInputs, name_an_input_that_is_not_there) {
  EXPECT_EQ(refusal(one_input(DataType::kFp32, {-1, 3}), true, {{"y", {3}}}),
            "there is no input 'y' to give a shape for");
}

TEST(SampleInputs, are_refused_where_they_would_not_fit_in_memory) {
  EXPECT_EQ(refusal(one_input(DataType::kFp32, {-1, 1 << 20}), true, {}, std::uint64_t{5} << 20),
            "input 'x' of [2,1048576] takes 8 MiB, and 5 MiB are left for inputs");
  EXPECT_NE(refusal(one_input(DataType::kFp64, {-1, std::int64_t{1} << 61}), true, {}), "none");
}

}  // namespace
}  // namespace muster
