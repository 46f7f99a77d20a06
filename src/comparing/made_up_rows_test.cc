// SPDX-License-Identifier: Apache-2.0
#include "comparing/made_up_rows.h"

#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

constexpr std::size_t kPlenty = 1 << 20;

ModelSignature signature_of(DataType type, const Shape& shape) {
  return {{{"x", type, shape, {}}}, {}};
}

TEST(MadeUpRows, fill_every_input_with_rows_that_differ) {
  const ModelSignature signature = {
      {{"a", DataType::kFp32, Shape{-1, 2, -1}, {}}, {"b", DataType::kFp32, Shape{-1, 6}, {}}}, {}};
  const auto rows = made_up_rows(signature, {true, 3, 4, kPlenty});
  ASSERT_TRUE(rows.ok()) << rows.status().to_string();
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].shape(), (Shape{3, 2, 4}));
  EXPECT_EQ((*rows)[1].shape(), (Shape{3, 6}));
  const auto a = (*rows)[0].elements<float>();
  const auto b = (*rows)[1].elements<float>();
  EXPECT_NE(a[0], a[8]);
  EXPECT_NE(a[0], b[0]);
  for (const float value : a) {
    EXPECT_GE(value, 0);
    EXPECT_LE(value, 1);
  }
  const auto again = made_up_rows(signature, {true, 3, 4, kPlenty});
  EXPECT_EQ(again->front().elements<float>()[5], a[5]);
}

TEST(MadeUpRows, put_an_axis_in_front_where_there_is_none) {
  const auto rows = made_up_rows(signature_of(DataType::kFp16, {3}), {false, 2, 1, kPlenty});
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->front().shape(), (Shape{2, 3}));
}

TEST(MadeUpRows, have_ones_where_a_number_may_be_an_index) {
  for (const DataType type : {DataType::kInt32, DataType::kInt64, DataType::kUint16}) {
    const auto rows = made_up_rows(signature_of(type, {-1, 3}), {true, 2, 1, kPlenty});
    ASSERT_TRUE(rows.ok());
    const auto bytes = rows->front().bytes();
    for (std::size_t i = 0; i < bytes.size(); ++i)
      EXPECT_EQ(bytes[i], std::byte(i % element_size(type) == 0 ? 1 : 0)) << i;
  }
  const auto texts = made_up_rows(signature_of(DataType::kBytes, {-1, 2}), {true, 2, 1, kPlenty});
  ASSERT_TRUE(texts.ok());
  const auto elements = bytes_elements(texts->front().view());
  ASSERT_TRUE(elements.ok());
  EXPECT_EQ(elements->size(), 4U);
  EXPECT_EQ(std::string(elements->front()), "1");
}

TEST(MadeUpRows, are_refused_where_they_would_be_too_large) {
  const auto both = ModelSignature{
      {{"a", DataType::kFp32, Shape{-1, 100}, {}}, {"b", DataType::kFp32, Shape{-1, 100}, {}}}, {}};
  const Status refused = made_up_rows(both, {true, 1, 1, 700}).status();
  EXPECT_EQ(refused.to_string(), "RESOURCE_EXHAUSTED: input 'b': it is too large to make up");
  EXPECT_FALSE(made_up_rows(signature_of(DataType::kBytes, {-1, 1000}), {true, 1, 1, 700}).ok());
  EXPECT_FALSE(made_up_rows(signature_of(DataType::kFp32, {-1, -1, -1, -1, -1, -1, -1, -1, -1}),
                            {true, 1, 224, kPlenty})
                   .ok());
}

TEST(MadeUpRows, know_what_a_model_leaves_open) {
  EXPECT_FALSE(has_open_dims(signature_of(DataType::kFp32, {-1, 2}), true));
  EXPECT_TRUE(has_open_dims(signature_of(DataType::kFp32, {-1, 2}), false));
  EXPECT_TRUE(has_open_dims(signature_of(DataType::kFp32, {-1, -1}), true));
  EXPECT_FALSE(has_open_dims(signature_of(DataType::kFp32, {3}), false));
}

}  // namespace
}  // namespace muster
