// SPDX-License-Identifier: Apache-2.0
#include "tensor/rows.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(RowOffsets, are_equally_far_apart_where_elements_have_one_size) {
  const Tensor tensor = Tensor::allocate(DataType::kFp32, {3, 2, 2}).value();
  EXPECT_EQ(row_offsets(tensor.view(), 3).value(), (std::vector<std::size_t>{0, 16, 32, 48}));
}

TEST(RowOffsets, follow_the_lengths_of_texts) {
  const std::vector<std::string_view> texts = {"a", "", "four", "bb"};
  const Tensor tensor = Tensor::of_strings({2, 2}, texts).value();
  EXPECT_EQ(row_offsets(tensor.view(), 2).value(), (std::vector<std::size_t>{0, 9, 23}));
}

TEST(RowOffsets, are_refused_where_texts_do_not_add_up) {
  const Tensor tensor = Tensor::allocate(DataType::kBytes, {2}, 3).value();
  EXPECT_FALSE(row_offsets(tensor.view(), 2).ok());
}

}  // namespace
}  // namespace muster
