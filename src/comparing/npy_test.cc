// SPDX-License-Identifier: Apache-2.0
#include "comparing/npy.h"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

std::string npy(const std::string& header, const std::string& data, char version = 1) {
  std::string bytes("\x93NUMPY", 6);
  bytes += version;
  bytes += '\0';
  const auto length = static_cast<std::uint32_t>(header.size());
  bytes.append(reinterpret_cast<const char*>(&length), version == 1 ? 2 : 4);
  return bytes + header + data;
}

std::string header(const std::string& type, const std::string& shape,
                   const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

std::string refusal(const std::string& bytes) {
  return std::string(read_npy(bytes).status().message());
}

TEST(Npy, is_read_with_its_type_and_shape) {
  const std::string data("\0\0\x80\x3f\0\0\0\x40", 8);  // 1 and 2
  for (const char version : {'\1', '\2', '\3'}) {
    const auto tensor = read_npy(npy(header("<f4", "(2, 1)"), data, version));
    ASSERT_TRUE(tensor.ok()) << tensor.status().message();
    EXPECT_EQ(tensor->type(), DataType::kFp32);
    EXPECT_EQ(tensor->shape(), (Shape{2, 1}));
    EXPECT_EQ(tensor->elements<float>()[1], 2);
  }
}

TEST(Npy, has_every_type_of_numbers) {
  const std::pair<const char*, DataType> types[] = {
      {"|b1", DataType::kBool},   {"|i1", DataType::kInt8},   {"<i2", DataType::kInt16},
      {"<i4", DataType::kInt32},  {"<i8", DataType::kInt64},  {"|u1", DataType::kUint8},
      {"<u2", DataType::kUint16}, {"<u4", DataType::kUint32}, {"<u8", DataType::kUint64},
      {"<f2", DataType::kFp16},   {"<f4", DataType::kFp32},   {"<f8", DataType::kFp64}};
  for (const auto& [name, type] : types) {
    const auto tensor =
        read_npy(npy(header(name, "(3,)"), std::string(3 * element_size(type), '\1')));
    ASSERT_TRUE(tensor.ok()) << name;
    EXPECT_EQ(tensor->type(), type);
  }
}

TEST(Npy, may_be_empty_or_a_single_number) {
  EXPECT_EQ(read_npy(npy(header("<f4", "(0, 3)"), "")).value().shape(), (Shape{0, 3}));
  EXPECT_EQ(read_npy(npy(header("<f4", "()"), "1234")).value().shape(), Shape{});
}

TEST(Npy, is_refused_with_what_numpy_must_do) {
  EXPECT_EQ(refusal(npy(header(">f4", "(1,)"), "1234")),
            "its elements are big-endian ('>f4'); save x.astype('<f4') instead");
  EXPECT_EQ(refusal(npy(header("<f4", "(1, 1)", "True"), "1234")),
            "its elements are in Fortran order; save numpy.ascontiguousarray(x) instead");
  EXPECT_EQ(refusal(npy(header("|O", "(1,)"), "1234")),
            "its elements are of type '|O'; booleans, integers and float16 to float64 can be read");
}

TEST(Npy, is_refused_where_its_bytes_do_not_add_up) {
  EXPECT_EQ(refusal(npy(header("<f4", "(2,)"), "1234")),
            "no .npy file that can be read: shape [2] takes 8 bytes, and it has 4");
  EXPECT_NE(refusal(npy(header("<f4", "(4611686018427387904, 4)"), "")), "");
  EXPECT_NE(refusal(npy(header("<f4", "(99999999999999999999,)"), "")), "");
}

TEST(Npy, is_refused_where_its_header_is_none) {
  const std::string whole = npy(header("<f4", "(1,)"), "");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(refusal(whole.substr(0, length)), "") << length;
  for (const char* text : {"", "{", "{}", "{'descr'}", "{'descr': '<f4'}", "{'descr': 1}", "[1]",
                           "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}",
                           "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
                           "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (1,-1)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}"}) {
    EXPECT_NE(refusal(npy(text, "1234")), "") << text;
  }
  EXPECT_NE(refusal(npy(header("<f4", "(1,)"), "1234", '\4')), "");
}

}  // namespace
}  // namespace muster
