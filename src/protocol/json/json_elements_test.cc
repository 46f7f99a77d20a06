// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/json_elements.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

Result<Tensor> read(std::string_view text, DataType type, const Shape& shape) {
  JsonReader json(text, 16);
  auto tensor = read_json_elements(json, type, shape, *element_count(shape));
  if (tensor.ok() && !json.finish()) return json.status();
  return tensor;
}

template <typename T>
std::vector<T> values(std::string_view text, DataType type, const Shape& shape) {
  const auto tensor = read(text, type, shape);
  EXPECT_TRUE(tensor.ok()) << tensor.status().message();
  if (!tensor.ok()) return {};
  const auto elements = tensor->template elements<T>();
  return {elements.begin(), elements.end()};
}

std::string fault(std::string_view text, DataType type, const Shape& shape) {
  const auto tensor = read(text, type, shape);
  EXPECT_FALSE(tensor.ok()) << text;
  EXPECT_EQ(tensor.status().code(), StatusCode::kInvalidArgument);
  return std::string(tensor.status().message());
}

std::string written(const Tensor& tensor) {
  std::string json;
  const Status status = append_json_elements(json, tensor.view());
  return status.ok() ? json : std::string(status.message());
}

TEST(JsonElements, are_read_flat_or_nested) {
  const std::vector<std::int32_t> expected = {1, -2, 3, 4, 5, 6};
  for (const std::string_view text :
       {"[1,-2,3,4,5,6]", "[[1,-2,3],[4,5,6]]", " [ [ [1] , [-2,3] ] , [] , [4,5,6] ] "}) {
    EXPECT_EQ(values<std::int32_t>(text, DataType::kInt32, {2, 3}), expected) << text;
  }
}

TEST(JsonElements, may_be_none) {
  EXPECT_TRUE(values<float>("[]", DataType::kFp32, {0}).empty());
  EXPECT_TRUE(values<float>("[[],[]]", DataType::kFp32, {2, 0}).empty());
}

TEST(JsonElements, must_be_as_many_as_the_shape_has) {
  EXPECT_EQ(fault("[1,2]", DataType::kInt32, {3}), "its shape has 3 elements, 2 are given as data");
  EXPECT_EQ(fault("[1,2,3]", DataType::kInt32, {2}),
            "its shape has 2 elements, more are given as data");
  EXPECT_EQ(fault("[1]", DataType::kInt32, {0}),
            "its shape has 0 elements, more are given as data");
}

TEST(JsonElements, take_no_memory_for_a_shape_alone) {
  EXPECT_EQ(fault("[1]", DataType::kFp64, {1'000'000'000'000}),
            "its shape has 1000000000000 elements, fewer are given as data");
  EXPECT_EQ(fault("[\"\"]", DataType::kBytes, {1'000'000'000'000}),
            "its shape has 1000000000000 elements, fewer are given as data");
}

TEST(JsonElements, are_checked_against_their_type) {
  struct Case {
    std::string_view text;
    DataType type;
    std::string_view expected;
  };
  const Case cases[] = {
      {"[1.5]", DataType::kInt32, "element 0 is 1.5, which is no INT32"},
      {"[1.0]", DataType::kInt64, "element 0 is 1.0, which is no INT64"},
      {"[1e2]", DataType::kUint8, "element 0 is 1e2, which is no UINT8"},
      {"[-1]", DataType::kUint8, "element 0 is -1, which is no UINT8"},
      {"[256]", DataType::kUint8, "element 0 is 256, which is out of the range of UINT8"},
      {"[-129]", DataType::kInt8, "element 0 is -129, which is out of the range of INT8"},
      {"[65536]", DataType::kUint16, "element 0 is 65536, which is out of the range of UINT16"},
      {"[18446744073709551616]", DataType::kUint64,
       "element 0 is 18446744073709551616, which is out of the range of UINT64"},
      {"[1]", DataType::kBool, "element 0 is 1, which is no BOOL"},
      {"[\"true\"]", DataType::kBool, "element 0 is \"true\", which is no BOOL"},
      {"[true]", DataType::kInt32, "element 0 is true, which is no INT32"},
      {"[null]", DataType::kFp32, "element 0 is null, which is no FP32"},
      {"[\"1\"]", DataType::kFp32, "element 0 is \"1\", which is no FP32"},
      {"[1e39]", DataType::kFp32, "element 0 is 1e39, which is out of the range of FP32"},
      {"[-1e309]", DataType::kFp64, "element 0 is -1e309, which is out of the range of FP64"},
      {"[01]", DataType::kInt32, "element 0 is 01, which is no INT32"},
      {"[1]", DataType::kBytes, "element 0 is 1, which is no BYTES"},
      {"[{}]", DataType::kFp32, "element 0 is {, which is no FP32"},
      {"[1]", DataType::kFp16, "FP16 has no JSON; it travels as binary data alone"},
      {"[1]", DataType::kBf16, "BF16 has no JSON; it travels as binary data alone"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(fault(c.text, c.type, {1}), c.expected);
}

TEST(JsonElements, take_the_whole_range_of_integers) {
  EXPECT_EQ(
      values<std::int64_t>("[-9223372036854775808,9223372036854775807]", DataType::kInt64, {2}),
      (std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min(),
                                 std::numeric_limits<std::int64_t>::max()}));
  EXPECT_EQ(values<std::uint64_t>("[18446744073709551615]", DataType::kUint64, {1}),
            std::vector<std::uint64_t>{std::numeric_limits<std::uint64_t>::max()});
  EXPECT_EQ(values<std::int8_t>("[-128,127,-0]", DataType::kInt8, {3}),
            (std::vector<std::int8_t>{-128, 127, 0}));
}

TEST(JsonElements, refuse_broken_numbers_and_arrays) {
  for (const std::string_view text :
       {"[1.]", "[.5]", "[-]",    "[+1]",  "[1e]",  "[00.5]", "[0.5.5]",  "[--1]",
        "[1,]", "[,1]", "[1 1]",  "[1",    "[",     "[1}",    "[1]]",     "5",
        "{}",   "",     "[-NaN]", "[Inf]", "[nan]", "[1e5",   "[-Infinit"}) {
    EXPECT_FALSE(read(text, DataType::kFp32, {1}).ok()) << text;
    EXPECT_FALSE(read(text, DataType::kInt32, {1}).ok()) << text;
  }
}

TEST(JsonElements, bound_how_deep_arrays_lie) {
  EXPECT_TRUE(read(std::string(16, '[') + "1" + std::string(16, ']'), DataType::kFp32, {1}).ok());
  EXPECT_NE(fault(std::string(17, '[') + "1" + std::string(17, ']'), DataType::kFp32, {1})
                .find("more than 16 arrays in each other"),
            std::string::npos);
  EXPECT_FALSE(read(std::string(1'000'000, '['), DataType::kFp32, {1}).ok());
}

TEST(JsonElements, round_floats_to_nearest) {
  EXPECT_EQ(values<float>("[0.1,1,-0.0,16777217,1e-45,1e-60,3.4028235e38,5e-324,1E2]",
                          DataType::kFp32, {9}),
            (std::vector<float>{0.1F, 1, -0.0F, 16777216, 1e-45F, 0, 3.4028235e38F, 0, 100}));
  EXPECT_EQ(
      values<double>("[0.1,9007199254740993,1e-400,1.7976931348623157e308]", DataType::kFp64, {4}),
      (std::vector<double>{0.1, 9007199254740992.0, 0, 1.7976931348623157e308}));
  // Through a double it would be rounded twice, to the wrong neighbour.
  EXPECT_EQ(values<float>("[1.00000005960464477540]", DataType::kFp32, {1}),
            std::vector<float>{std::nextafter(1.0F, 2.0F)});
}

TEST(JsonElements, read_long_numbers_that_are_large_or_small) {
  const std::string zeros(400, '0');
  EXPECT_EQ(values<float>("[0." + zeros + "1]", DataType::kFp32, {1}), std::vector<float>{0});
  EXPECT_EQ(values<float>("[-0." + zeros + "1e400]", DataType::kFp32, {1}),
            std::vector<float>{-0.1F});
  EXPECT_FALSE(read("[1" + zeros + "]", DataType::kFp64, {1}).ok());
  EXPECT_FALSE(read("[1e99999999999999999999]", DataType::kFp64, {1}).ok());
  EXPECT_EQ(
      values<double>("[1e-99999999999999999999,0e99999999999999999999]", DataType::kFp64, {2}),
      (std::vector<double>{0, 0}));
}

TEST(JsonElements, take_the_words_for_numbers_that_are_none) {
  const auto got = values<float>("[NaN,Infinity,-Infinity]", DataType::kFp32, {3});
  EXPECT_TRUE(std::isnan(got[0]));
  EXPECT_EQ(got[1], std::numeric_limits<float>::infinity());
  EXPECT_EQ(got[2], -std::numeric_limits<float>::infinity());
}

TEST(JsonElements, agree_with_the_library_on_every_kind_of_float) {
  std::mt19937 random(7);
  for (int i = 0; i < 50'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) continue;
    std::array<char, 64> text{};
    const auto format = i % 3 == 0   ? std::chars_format::general
                        : i % 3 == 1 ? std::chars_format::scientific
                                     : std::chars_format::fixed;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, format);
    const std::string json = "[" + std::string(text.data(), end.ptr) + "]";
    EXPECT_EQ(values<float>(json, DataType::kFp32, {1}), std::vector<float>{value}) << json;
  }
  for (int i = 0; i < 50'000; ++i) {
    const std::string number =
        std::to_string(random() % 100'000) + "." + std::to_string(random() % 1'000'000'000);
    float expected = 0;
    std::from_chars(number.data(), number.data() + number.size(), expected);
    EXPECT_EQ(values<float>("[" + number + "]", DataType::kFp32, {1}), std::vector<float>{expected})
        << number;
  }
}

TEST(JsonElements, of_bytes_are_strings) {
  const auto tensor = read(R"([["a",""],["\u0000x","\u00e9"]])", DataType::kBytes, {2, 2});
  ASSERT_TRUE(tensor.ok());
  const auto elements = *bytes_elements(tensor->view());
  EXPECT_EQ(elements[0], "a");
  EXPECT_EQ(elements[1], "");
  EXPECT_EQ(elements[2], std::string_view("\0x", 2));
  EXPECT_EQ(elements[3], "\u00e9");
  EXPECT_EQ(fault(R"(["\ud800"])", DataType::kBytes, {1}),
            "the request's JSON, at byte 8: the string has half of a surrogate pair");
}

TEST(JsonElements, are_written_as_short_as_they_read_back) {
  const std::vector<float> floats = {0.1F,
                                     1,
                                     -0.5F,
                                     -0.0F,
                                     1e20F,
                                     std::numeric_limits<float>::quiet_NaN(),
                                     std::numeric_limits<float>::infinity(),
                                     -std::numeric_limits<float>::infinity()};
  EXPECT_EQ(written(*Tensor::copy_of(DataType::kFp32, {8}, std::as_bytes(std::span(floats)))),
            "[0.1,1,-0.5,-0.0,1e+20,NaN,Infinity,-Infinity]");
  const std::vector<std::int8_t> small = {-128, 0, 127};
  EXPECT_EQ(written(*Tensor::copy_of(DataType::kInt8, {3}, std::as_bytes(std::span(small)))),
            "[-128,0,127]");
  const std::vector<std::uint8_t> bools = {0, 1};
  EXPECT_EQ(written(*Tensor::copy_of(DataType::kBool, {2}, std::as_bytes(std::span(bools)))),
            "[false,true]");
  EXPECT_EQ(written(*Tensor::allocate(DataType::kFp32, {0})), "[]");
}

TEST(JsonElements, of_bytes_are_written_with_escapes) {
  const std::vector<std::string_view> strings = {"a\"\\\n", std::string_view("\0", 1), "\u00e9"};
  EXPECT_EQ(written(*Tensor::of_strings({3}, strings)), R"(["a\"\\\n","\u0000","é"])");
}

TEST(JsonElements, that_json_cannot_carry_are_not_written) {
  const std::vector<std::string_view> strings = {"ok", "\xff"};
  EXPECT_EQ(written(*Tensor::of_strings({2}, strings)),
            "element 1 is not UTF-8, which JSON cannot carry; ask for binary data");
  EXPECT_EQ(written(*Tensor::allocate(DataType::kFp16, {1})),
            "FP16 has no JSON; it travels as binary data alone");
}

}  // namespace
}  // namespace muster
