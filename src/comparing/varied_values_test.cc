// SPDX-License-Identifier: Apache-2.0
#include "comparing/varied_values.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tensor/float_elements.h"

namespace muster {
namespace {

Tensor varied(DataType type, std::optional<ValueRange> range, std::uint64_t seed = 1) {
  Tensor tensor = Tensor::allocate(type, {8, 50}).value();
  std::memset(tensor.bytes().data(), 1, tensor.bytes().size());
  EXPECT_TRUE(vary(tensor, range, seed).ok());
  return tensor;
}

std::vector<double> floats_of(const Tensor& tensor) {
  std::vector<double> values;
  const std::size_t size = element_size(tensor.type());
  for (std::size_t at = 0; at < tensor.bytes().size(); at += size)
    values.push_back(load_float(tensor.type(), tensor.bytes().data() + at));
  return values;
}

TEST(VariedValues, are_the_same_for_one_seed_and_others_for_another) {
  const auto values = floats_of(varied(DataType::kFp32, {}, 7));
  EXPECT_EQ(floats_of(varied(DataType::kFp32, {}, 7)), values);
  EXPECT_NE(floats_of(varied(DataType::kFp32, {}, 8)), values);
}

TEST(VariedValues, lie_in_their_range) {
  for (const DataType type : {DataType::kFp16, DataType::kBf16, DataType::kFp32, DataType::kFp64}) {
    for (const double value : floats_of(varied(type, ValueRange{-2, 3})))
      EXPECT_TRUE(value >= -2 && value <= 3.01) << data_type_name(type) << value;
  }
  const Tensor whole = varied(DataType::kInt32, ValueRange{-1, 5});
  std::set<std::int32_t> seen;
  for (const std::int32_t value : whole.elements<std::int32_t>())
    seen.insert(value);
  EXPECT_GE(*seen.begin(), -1);
  EXPECT_LE(*seen.rbegin(), 5);
  EXPECT_GE(seen.size(), 4U);
}

TEST(VariedValues, make_rows_that_differ_as_a_whole) {
  const auto values = floats_of(varied(DataType::kFp32, {}));
  std::vector<double> means;
  for (std::size_t row = 0; row < 8; ++row) {
    double sum = 0;
    for (std::size_t i = 0; i < 50; ++i)
      sum += values[row * 50 + i];
    means.push_back(sum / 50);
  }
  const auto [low, high] = std::ranges::minmax(means);
  EXPECT_GT(high - low, 0.2);
}

TEST(VariedValues, of_numbers_that_may_be_indices_stay_as_they_are) {
  const Tensor tensor = varied(DataType::kInt64, {});
  for (const std::int64_t value : tensor.elements<std::int64_t>())
    EXPECT_EQ(value, 0x0101010101010101);
}

TEST(VariedValues, of_booleans_are_zero_and_one) {
  const Tensor tensor = varied(DataType::kBool, {});
  for (const std::uint8_t value : tensor.elements<std::uint8_t>())
    EXPECT_LE(value, 1);
}

TEST(VariedValues, are_refused_where_the_range_does_not_fit) {
  const auto refused = [](DataType type, ValueRange range) {
    Tensor tensor = Tensor::allocate(type, {1, 2}).value();
    return !vary(tensor, range, 1).ok();
  };
  EXPECT_TRUE(refused(DataType::kFp32, {1, 0}));
  EXPECT_TRUE(refused(DataType::kFp16, {0, 1e6}));
  EXPECT_TRUE(refused(DataType::kUint8, {0, 256}));
  EXPECT_TRUE(refused(DataType::kUint8, {-1, 2}));
  EXPECT_TRUE(refused(DataType::kInt32, {0.2, 0.8}));
  EXPECT_TRUE(refused(DataType::kInt64, {0, 1e18}));
  EXPECT_FALSE(refused(DataType::kInt64, {0, 1e15}));
  Tensor texts = Tensor::of_strings({1}, std::vector<std::string_view>{"1"}).value();
  EXPECT_FALSE(vary(texts, ValueRange{0, 1}, 1).ok());
  EXPECT_TRUE(vary(texts, {}, 1).ok());
}

}  // namespace
}  // namespace muster
