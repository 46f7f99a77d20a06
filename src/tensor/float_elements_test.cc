// SPDX-License-Identifier: Apache-2.0
#include "tensor/float_elements.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

namespace muster {
namespace {

double stored(DataType type, double value) {
  std::byte bytes[8] = {};
  store_float(type, value, bytes);
  return load_float(type, bytes);
}

double of_bits(DataType type, std::uint16_t bits) {
  std::byte bytes[2];
  std::memcpy(bytes, &bits, sizeof(bits));
  return load_float(type, bytes);
}

TEST(FloatElements, are_what_they_were_stored_as) {
  for (const double value : {0.0, 1.0, -2.5, 0.125, 1536.0}) {
    for (const DataType type :
         {DataType::kFp16, DataType::kBf16, DataType::kFp32, DataType::kFp64}) {
      EXPECT_EQ(stored(type, value), value) << data_type_name(type);
    }
  }
}

TEST(FloatElements, of_16_bits_all_come_back_the_same) {
  for (const DataType type : {DataType::kFp16, DataType::kBf16}) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
      const double value = of_bits(type, static_cast<std::uint16_t>(bits));
      if (!std::isfinite(value)) continue;
      ASSERT_EQ(stored(type, value), value) << data_type_name(type) << " " << bits;
    }
  }
}

TEST(FloatElements, are_rounded_to_the_nearest_and_ties_to_the_even) {
  // Between 1 and 2, FP16 has steps of 2^-10 and BF16 of 2^-7.
  EXPECT_EQ(stored(DataType::kFp16, 1 + std::ldexp(1, -11)), 1);
  EXPECT_EQ(stored(DataType::kFp16, 1 + 3 * std::ldexp(1, -11)), 1 + std::ldexp(1, -9));
  EXPECT_EQ(stored(DataType::kBf16, 1 + std::ldexp(1, -8)), 1);
  EXPECT_EQ(stored(DataType::kBf16, 1 + 3 * std::ldexp(1, -8)), 1 + std::ldexp(1, -6));
  EXPECT_EQ(stored(DataType::kFp16, 2047.99), 2048);
}

TEST(FloatElements, that_are_too_large_are_infinite) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(stored(DataType::kFp16, 65519), 65504);
  EXPECT_EQ(stored(DataType::kFp16, 65520), infinity);
  EXPECT_EQ(stored(DataType::kFp16, -1e9), -infinity);
  EXPECT_EQ(stored(DataType::kBf16, 1e300), infinity);
  for (const DataType type : {DataType::kFp16, DataType::kBf16, DataType::kFp32, DataType::kFp64}) {
    EXPECT_EQ(stored(type, -infinity), -infinity);
    EXPECT_TRUE(std::isnan(stored(type, std::numeric_limits<double>::quiet_NaN())));
  }
}

TEST(FloatElements, may_be_denormal_infinite_or_no_number) {
  EXPECT_EQ(of_bits(DataType::kFp16, 0x0001), std::ldexp(1, -24));
  EXPECT_EQ(of_bits(DataType::kFp16, 0xFC00), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(of_bits(DataType::kFp16, 0x7E00)));
  EXPECT_TRUE(std::isnan(of_bits(DataType::kBf16, 0x7FC0)));
  EXPECT_EQ(stored(DataType::kFp16, std::ldexp(1, -26)), 0);
}

}  // namespace
}  // namespace muster
