// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <muster/tensor.h>

namespace muster {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

// Of ranks within the room inside, at its edge, and beyond it.
std::vector<Shape> shapes_of_all_kinds() {
  return {Shape{}, Shape{7}, Shape{1, 2, 3, 4, 5, 6}, Shape{1, 2, 3, 4, 5, 6, 7},
          Shape(std::vector<std::int64_t>(100, 2))};
}

TEST(Shape, has_rank_0_from_the_start) {
  const Shape shape;
  EXPECT_EQ(shape.rank(), 0U);
  EXPECT_TRUE(shape.dims().empty());
  EXPECT_EQ(shape.to_string(), "[]");
}

TEST(Shape, keeps_its_dimensions_in_order) {
  const Shape shape{2, 1, 28, 28};
  EXPECT_EQ(shape.rank(), 4U);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[3], 28);
  EXPECT_EQ(shape.to_string(), "[2,1,28,28]");
}

TEST(Shape, holds_more_dimensions_than_fit_inside) {
  const Shape shape{1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(shape.rank(), 8U);
  EXPECT_EQ(shape.to_string(), "[1,2,3,4,5,6,7,8]");
}

TEST(Shape, copies_are_independent) {
  for (const Shape& original : shapes_of_all_kinds()) {
    Shape copy = original;
    EXPECT_EQ(copy, original);
    if (copy.rank() == 0) continue;
    copy.set(0, 99);
    EXPECT_NE(copy, original);
  }
}

TEST(Shape, is_assigned_across_all_kinds) {
  for (const Shape& from : shapes_of_all_kinds()) {
    for (const Shape& to : shapes_of_all_kinds()) {
      Shape copied = to;
      copied = from;
      EXPECT_EQ(copied, from);
      Shape moved = to;
      moved = Shape(from);
      EXPECT_EQ(moved, from);
    }
  }
}

TEST(Shape, is_empty_when_moved_from) {
  for (Shape& shape : shapes_of_all_kinds()) {
    const Shape copy = shape;
    Shape moved = std::move(shape);
    EXPECT_EQ(moved, copy);
    EXPECT_EQ(shape.rank(), 0U);  // NOLINT(bugprone-use-after-move)
    Shape assigned{9, 9, 9};
    assigned = std::move(moved);
    EXPECT_EQ(assigned, copy);
    EXPECT_EQ(moved.to_string(), "[]");  // NOLINT(bugprone-use-after-move)
  }
}

TEST(Shape, survives_assignment_to_itself) {
  for (Shape& shape : shapes_of_all_kinds()) {
    const Shape copy = shape;
    Shape& same = shape;
    shape = same;
    EXPECT_EQ(shape, copy);
    shape = std::move(same);
    EXPECT_EQ(shape, copy);
  }
}

TEST(Shape, loses_its_first_axis) {
  EXPECT_EQ((Shape{2, 3, 4}).without_first(), (Shape{3, 4}));
  EXPECT_EQ((Shape{1, 2, 3, 4, 5, 6, 7}).without_first(), (Shape{2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(Shape{5}.without_first(), Shape{});
  EXPECT_EQ(Shape{}.without_first(), Shape{});
}

TEST(Shape, gets_a_new_first_axis) {
  EXPECT_EQ(Shape{}.with_first(4), Shape{4});
  EXPECT_EQ((Shape{2, 3, 4, 5, 6, 7}).with_first(1), (Shape{1, 2, 3, 4, 5, 6, 7}));
  for (const Shape& shape : shapes_of_all_kinds()) {
    EXPECT_EQ(shape.with_first(3).without_first(), shape);
  }
}

TEST(Shape, tells_whether_a_dimension_is_open) {
  EXPECT_FALSE(Shape{}.has_dynamic_dim());
  EXPECT_FALSE((Shape{1, 0, 2}).has_dynamic_dim());
  EXPECT_TRUE((Shape{kDynamicDim, 3}).has_dynamic_dim());
  EXPECT_TRUE((Shape{1, 2, 3, 4, 5, 6, kDynamicDim}).has_dynamic_dim());
}

TEST(Shape, differs_by_rank_and_by_dimension) {
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_NE((Shape{2}), (Shape{2, 1}));
  EXPECT_NE(Shape{}, Shape{0});
}

TEST(ElementCount, multiplies_the_dimensions) {
  EXPECT_EQ(*element_count(Shape{2, 3, 4}), 24U);
  EXPECT_EQ(*element_count(Shape{kMost}), static_cast<std::size_t>(kMost));
}

TEST(ElementCount, is_1_for_a_scalar_and_0_where_a_dimension_is_0) {
  EXPECT_EQ(*element_count(Shape{}), 1U);
  EXPECT_EQ(*element_count(Shape{0}), 0U);
  EXPECT_EQ(*element_count(Shape{5, 0, 7}), 0U);
}

TEST(ElementCount, refuses_a_negative_dimension) {
  EXPECT_EQ(element_count(Shape{2, -1}).status().message(),
            "shape [2,-1] has a negative dimension");
  EXPECT_FALSE(element_count(Shape{0, -1}).ok());
  EXPECT_FALSE(element_count(Shape{-1, -1}).ok());
  EXPECT_FALSE(element_count(Shape{kLeast}).ok());
  EXPECT_FALSE(element_count(Shape{kLeast, 2}).ok());
}

TEST(ElementCount, refuses_a_product_that_overflows) {
  const std::int64_t half = std::int64_t{1} << 32;
  EXPECT_EQ(element_count(Shape{half, half}).status().message(),
            "shape [4294967296,4294967296] has too many elements");
  EXPECT_FALSE(element_count(Shape{kMost, 2}).ok());
  EXPECT_FALSE(element_count(Shape{3, kMost / 2, 1}).ok());
  EXPECT_FALSE(element_count(Shape(std::vector<std::int64_t>(64, 2))).ok());
  EXPECT_TRUE(element_count(Shape(std::vector<std::int64_t>(62, 2))).ok());
}

TEST(ElementCount, does_not_let_a_zero_hide_an_overflow) {
  EXPECT_FALSE(element_count(Shape{0, kMost, kMost}).ok());
  EXPECT_FALSE(element_count(Shape{kMost, kMost, 0}).ok());
}

TEST(ByteSize, is_elements_times_their_size) {
  EXPECT_EQ(*byte_size(DataType::kFp32, Shape{2, 3}), 24U);
  EXPECT_EQ(*byte_size(DataType::kFp16, Shape{}), 2U);
  EXPECT_EQ(*byte_size(DataType::kInt64, Shape{0, 3}), 0U);
}

TEST(ByteSize, refuses_bytes_that_overflow_where_the_elements_do_not) {
  const std::int64_t many = kMost / 8;
  EXPECT_TRUE(byte_size(DataType::kFp64, Shape{many}).ok());
  EXPECT_EQ(byte_size(DataType::kFp64, Shape{many + 1}).status().message(),
            "shape [1152921504606846976] has too many elements");
  EXPECT_TRUE(byte_size(DataType::kUint8, Shape{kMost}).ok());
}

TEST(ByteSize, is_not_for_types_without_a_size) {
  EXPECT_EQ(byte_size(DataType::kBytes, Shape{2}).status().message(),
            "tensors of BYTES have no size of their own");
  EXPECT_FALSE(byte_size(DataType::kInvalid, Shape{2}).ok());
}

}  // namespace
}  // namespace muster
