// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <muster/tensor.h>

namespace muster {
namespace {

const std::vector<std::pair<DataType, std::size_t>> kSizes = {
    {DataType::kBool, 1},   {DataType::kUint8, 1}, {DataType::kUint16, 2}, {DataType::kUint32, 4},
    {DataType::kUint64, 8}, {DataType::kInt8, 1},  {DataType::kInt16, 2},  {DataType::kInt32, 4},
    {DataType::kInt64, 8},  {DataType::kFp16, 2},  {DataType::kFp32, 4},   {DataType::kFp64, 8},
    {DataType::kBytes, 0},  {DataType::kBf16, 2}};

constexpr auto kOutOfRange = static_cast<DataType>(200);

TEST(DataType, is_read_back_from_its_name) {
  for (const auto& [type, size] : kSizes) {
    const std::string name(data_type_name(type));
    EXPECT_EQ(*parse_data_type(name), type) << name;
    EXPECT_EQ(*parse_data_type("TYPE_" + name), type) << name;
  }
}

TEST(DataType, has_the_protocols_names) {
  EXPECT_EQ(data_type_name(DataType::kFp32), "FP32");
  EXPECT_EQ(data_type_name(DataType::kInt64), "INT64");
  EXPECT_EQ(data_type_name(DataType::kBytes), "BYTES");
  EXPECT_EQ(data_type_name(DataType::kBf16), "BF16");
  EXPECT_EQ(data_type_name(DataType::kInvalid), "INVALID");
  EXPECT_EQ(data_type_name(kOutOfRange), "INVALID");
}

TEST(DataType, is_called_a_string_in_configurations) {
  EXPECT_EQ(*parse_data_type("TYPE_STRING"), DataType::kBytes);
  EXPECT_FALSE(parse_data_type("STRING").ok());
}

TEST(DataType, refuses_names_that_are_none) {
  for (const auto name : {"", "INVALID", "TYPE_INVALID", "TYPE_", "TYPE_TYPE_FP32", "fp32", "FP32 ",
                          "FP8", "FLOAT"}) {
    EXPECT_EQ(parse_data_type(name).status().code(), StatusCode::kInvalidArgument) << name;
  }
}

TEST(DataType, shows_an_unknown_name_safely) {
  EXPECT_EQ(parse_data_type("FP\n8").status().message(), "unknown data type 'FP\\x0a8'");
  EXPECT_LT(parse_data_type(std::string(100000, 'x')).status().message().size(), 300U);
}

TEST(DataType, knows_the_size_of_an_element) {
  for (const auto& [type, size] : kSizes)
    EXPECT_EQ(element_size(type), size);
  EXPECT_EQ(element_size(DataType::kInvalid), 0U);
  EXPECT_EQ(element_size(kOutOfRange), 0U);
}

}  // namespace
}  // namespace muster
