// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <muster/tensor.h>

namespace muster {
namespace {

using std::string_view_literals::operator""sv;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TensorView strings_view(const Shape& shape, std::string_view bytes) {
  return {DataType::kBytes, shape, bytes_of(bytes)};
}

TEST(Buffer, begins_on_a_boundary_that_depends_on_its_size) {
  for (const std::size_t size : {1U, 63U, 64U, 1023U, 1024U, 4096U}) {
    auto buffer = Buffer::allocate(size);
    ASSERT_TRUE(buffer.ok());
    EXPECT_EQ(buffer->size(), size);
    const std::size_t boundary =
        size < Buffer::kAlignedFrom ? alignof(std::max_align_t) : Buffer::kAlignment;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->bytes().data()) % boundary, 0U) << size;
  }
}

TEST(Buffer, may_be_empty) {
  auto buffer = Buffer::allocate(0);
  ASSERT_TRUE(buffer.ok());
  EXPECT_TRUE(buffer->bytes().empty());
}

TEST(Buffer, keeps_its_bytes_in_place_when_moved) {
  Buffer buffer = *Buffer::allocate(8);
  const std::byte* place = buffer.bytes().data();
  const Buffer moved = std::move(buffer);
  EXPECT_EQ(moved.bytes().data(), place);
  EXPECT_EQ(moved.size(), 8U);
}

TEST(Tensor, is_empty_from_the_start) {
  const Tensor tensor;
  EXPECT_EQ(tensor.type(), DataType::kInvalid);
  EXPECT_TRUE(tensor.bytes().empty());
}

TEST(Tensor, has_the_bytes_of_its_shape) {
  Tensor tensor = *Tensor::allocate(DataType::kFp32, {2, 3});
  EXPECT_EQ(tensor.bytes().size(), 24U);
  const auto elements = tensor.elements<float>();
  ASSERT_EQ(elements.size(), 6U);
  std::iota(elements.begin(), elements.end(), 0.5F);
  EXPECT_EQ(std::as_const(tensor).elements<float>()[5], 5.5F);
  EXPECT_EQ(tensor.view().elements<float>()[0], 0.5F);
}

TEST(Tensor, may_have_no_elements) {
  const Tensor tensor = *Tensor::allocate(DataType::kFp32, {0, 3});
  EXPECT_TRUE(tensor.bytes().empty());
  EXPECT_EQ(tensor.shape(), (Shape{0, 3}));
}

TEST(Tensor, refuses_shapes_that_have_no_size) {
  EXPECT_FALSE(Tensor::allocate(DataType::kFp32, {kDynamicDim, 3}).ok());
  EXPECT_FALSE(Tensor::allocate(DataType::kBytes, {2}).ok());
  EXPECT_FALSE(Tensor::allocate(DataType::kInvalid, {2}).ok());
  EXPECT_FALSE(
      Tensor::allocate(DataType::kFp32, {std::numeric_limits<std::int64_t>::max(), 2}).ok());
}

TEST(Tensor, refuses_another_size_than_its_shapes) {
  EXPECT_EQ(Tensor::allocate(DataType::kFp32, {2, 3}, 20).status().message(),
            "FP32 tensor of shape [2,3]: 24 bytes expected, 20 given");
  EXPECT_TRUE(Tensor::allocate(DataType::kFp32, {2, 3}, 24).ok());
}

TEST(Tensor, copies_elements) {
  std::vector<float> numbers = {1, 2, 3, 4};
  const Tensor tensor =
      *Tensor::copy_of(DataType::kFp32, {2, 2}, std::as_bytes(std::span(numbers)));
  numbers[0] = 9;
  EXPECT_EQ(tensor.elements<float>()[0], 1);
  EXPECT_EQ(tensor.elements<float>()[3], 4);
}

TEST(Tensor, refuses_to_copy_too_few_or_too_many_elements) {
  const std::vector<float> numbers = {1, 2, 3};
  const auto bytes = std::as_bytes(std::span(numbers));
  EXPECT_FALSE(Tensor::copy_of(DataType::kFp32, {2}, bytes).ok());
  EXPECT_FALSE(Tensor::copy_of(DataType::kFp32, {4}, bytes).ok());
  EXPECT_FALSE(Tensor::copy_of(DataType::kFp32, {3}, bytes.first(11)).ok());
  EXPECT_TRUE(Tensor::copy_of(DataType::kFp32, {0}, {}).ok());
}

TEST(Tensor, checks_the_lengths_of_the_strings_it_copies) {
  EXPECT_TRUE(Tensor::copy_of(DataType::kBytes, {1}, bytes_of("\2\0\0\0hi"sv)).ok());
  EXPECT_FALSE(Tensor::copy_of(DataType::kBytes, {1}, bytes_of("\3\0\0\0hi"sv)).ok());
  EXPECT_FALSE(Tensor::copy_of(DataType::kBytes, {kDynamicDim}, bytes_of("\2\0\0\0hi"sv)).ok());
}

TEST(Tensor, keeps_views_valid_when_moved) {
  Tensor tensor = *Tensor::allocate(DataType::kInt32, {3});
  tensor.elements<std::int32_t>()[2] = 42;
  const TensorView view = tensor.view();
  const Tensor moved = std::move(tensor);
  EXPECT_EQ(view.elements<std::int32_t>()[2], 42);
  EXPECT_EQ(moved.bytes().data(), view.bytes.data());
}

TEST(Tensor, holds_strings) {
  const std::vector<std::string_view> strings = {"cat", "", "two words\0and a zero"sv};
  const Tensor tensor = *Tensor::of_strings({3}, strings);
  EXPECT_EQ(tensor.type(), DataType::kBytes);
  EXPECT_EQ(tensor.bytes().size(), 3 * 4 + 3 + 20U);
  EXPECT_EQ(*bytes_elements(tensor.view()), strings);
}

TEST(Tensor, has_as_many_strings_as_its_shape_says) {
  const std::vector<std::string_view> strings = {"a", "b"};
  EXPECT_EQ(Tensor::of_strings({3}, strings).status().message(),
            "BYTES tensor of shape [3]: 3 elements expected, 2 given");
  EXPECT_FALSE(Tensor::of_strings({}, strings).ok());
  EXPECT_FALSE(Tensor::of_strings({-2}, strings).ok());
  EXPECT_TRUE(Tensor::of_strings({2, 1}, strings).ok());
  EXPECT_TRUE(Tensor::of_strings({0, 5}, {}).ok());
}

TEST(BytesElements, reads_each_length_before_its_bytes) {
  const auto elements = bytes_elements(strings_view({2}, "\2\0\0\0hi\0\0\0\0"sv));
  ASSERT_TRUE(elements.ok());
  EXPECT_EQ(*elements, (std::vector<std::string_view>{"hi", ""}));
}

TEST(BytesElements, has_one_element_where_the_shape_is_a_scalars) {
  EXPECT_EQ(bytes_elements(strings_view({}, "\1\0\0\0x"sv))->size(), 1U);
}

TEST(BytesElements, has_none_where_the_shape_is_empty) {
  EXPECT_TRUE(bytes_elements(strings_view({0}, ""))->empty());
}

TEST(BytesElements, refuses_bytes_that_are_cut_off) {
  const std::string_view whole = "\2\0\0\0hi\3\0\0\0cat"sv;
  EXPECT_TRUE(bytes_elements(strings_view({2}, whole)).ok());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(bytes_elements(strings_view({2}, whole.substr(0, size))).ok()) << size;
  }
  EXPECT_EQ(bytes_elements(strings_view({1}, "\3\0\0\0hi"sv)).status().message(),
            "BYTES tensor is cut off");
}

TEST(BytesElements, refuses_a_length_that_reaches_beyond_the_bytes) {
  EXPECT_FALSE(bytes_elements(strings_view({1}, "\xFF\xFF\xFF\xFF"sv)).ok());
  EXPECT_FALSE(bytes_elements(strings_view({2}, "\xFC\xFF\xFF\xFF\0\0\0\0"sv)).ok());
}

TEST(BytesElements, refuses_bytes_behind_the_last_element) {
  EXPECT_EQ(bytes_elements(strings_view({1}, "\2\0\0\0hi!"sv)).status().message(),
            "BYTES tensor has 1 bytes behind its last element");
  EXPECT_FALSE(bytes_elements(strings_view({0}, "x")).ok());
}

TEST(BytesElements, takes_no_memory_for_what_a_hostile_shape_claims) {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(bytes_elements(strings_view({most}, "\0\0\0\0"sv)).status().message(),
            "BYTES tensor of shape [9223372036854775807] needs more than 4 bytes");
  EXPECT_FALSE(bytes_elements(strings_view({most, most}, "\0\0\0\0"sv)).ok());
  EXPECT_FALSE(bytes_elements(strings_view({-1}, "\0\0\0\0"sv)).ok());
}

}  // namespace
}  // namespace muster
