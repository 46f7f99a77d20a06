// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/json_numbers.h"

#include <array>
#include <charconv>
#include <cmath>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

template <typename T>
T read_all(std::string_view text) {
  const char* const end = text.data() + text.size();
  T value = 0;
  const NumberRead read = read_number(text.data(), end, value);
  EXPECT_EQ(read.fault, NumberFault::kNone) << text;
  EXPECT_EQ(read.at, end) << text;
  return value;
}

template <typename T>
T library_reads(std::string_view text) {
  T value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

template <typename T>
std::string fixed(T value) {
  std::array<char, 400> text;
  const auto written =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  return {text.data(), written.ptr};
}

template <typename T>
void expect_as_the_library_reads(std::string_view text) {
  const T ours = read_all<T>(text);
  const T theirs = library_reads<T>(text);
  EXPECT_EQ(ours, theirs) << text;
  EXPECT_EQ(std::signbit(ours), std::signbit(theirs)) << text;
}

TEST(JsonNumbers, reads_every_count_of_digits_as_the_library_does) {
  const std::string digits = "98765432109876543210987654321";
  for (std::size_t whole = 1; whole < 25; ++whole) {
    for (std::size_t decimals = 0; decimals < 25; ++decimals) {
      std::string text = digits.substr(0, whole);
      if (decimals > 0) text += "." + digits.substr(0, decimals);
      expect_as_the_library_reads<float>(text);
      expect_as_the_library_reads<double>(text);
      expect_as_the_library_reads<float>("-" + text);
    }
  }
}

TEST(JsonNumbers, reads_what_clients_write_for_floats_as_the_library_does) {
  std::mt19937 random(4);
  std::uniform_real_distribution<double> values(-2, 2);
  for (int i = 0; i < 20000; ++i) {
    const double value = values(random);
    expect_as_the_library_reads<float>(fixed(static_cast<float>(value)));
    expect_as_the_library_reads<float>(fixed(static_cast<double>(static_cast<float>(value))));
    expect_as_the_library_reads<float>(fixed(value));
    expect_as_the_library_reads<double>(fixed(value));
  }
}

TEST(JsonNumbers, rounds_the_middle_between_two_floats_and_its_neighbours_as_the_library_does) {
  std::mt19937 random(4);
  std::uniform_real_distribution<float> values(0.01F, 4000);
  for (int i = 0; i < 20000; ++i) {
    const float low = values(random);
    const float high = std::nextafter(low, 1e9F);
    std::string middle = fixed((static_cast<double>(low) + static_cast<double>(high)) / 2);
    for (std::size_t size = middle.size(); size > middle.size() - 4 && size > 8; --size) {
      const std::string cut = middle.substr(0, size);
      expect_as_the_library_reads<float>(cut);
      expect_as_the_library_reads<float>(cut + "1");
    }
  }
}

TEST(JsonNumbers, stops_at_the_first_byte_that_is_no_digit_and_never_reads_behind_the_end) {
  for (std::size_t digits = 1; digits < 20; ++digits) {
    const std::string text = "0." + std::string(digits, '7') + ",123456789";
    float value = 0;
    const NumberRead read = read_number(text.data(), text.data() + text.size(), value);
    ASSERT_EQ(read.fault, NumberFault::kNone);
    EXPECT_EQ(*read.at, ',');
    // From memory of its own, so that a sanitizer sees what is read behind it.
    const std::vector<char> alone(text.begin(),
                                  text.begin() + static_cast<std::ptrdiff_t>(digits) + 2);
    float same = 0;
    ASSERT_EQ(read_number(alone.data(), alone.data() + alone.size(), same).fault,
              NumberFault::kNone);
    EXPECT_EQ(same, value);
  }
}

TEST(JsonNumbers, refuses_what_is_no_number) {
  for (const std::string_view text : {"1.", "01", "01.5", "1.2.3", "1.5e", "-", ".5", "1.e5"}) {
    float value = 0;
    const NumberRead read = read_number(text.data(), text.data() + text.size(), value);
    EXPECT_EQ(read.fault, NumberFault::kNoNumber) << text;
    EXPECT_EQ(read.at, text.data()) << text;
  }
}

}  // namespace
}  // namespace muster
