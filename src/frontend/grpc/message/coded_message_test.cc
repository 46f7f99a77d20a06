// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/message/coded_message.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "frontend/grpc/testing/framed.h"

namespace muster::testing {
namespace {

struct CodedMessageTest : ::testing::TestWithParam<MessageCoding> {
  const std::shared_ptr<MemoryBudget> budget = std::make_shared<MemoryBudget>(std::size_t{1} << 30);

  std::string compressed(const std::string& plain) const {
    MessageBytes out(budget);
    EXPECT_TRUE(append_compressed(bytes_of(plain), GetParam(), out));
    return std::string(out.text());
  }
  Status inflate(const std::string& bytes, std::size_t limit, MessageBytes& out) const {
    return inflate_message(bytes_of(bytes), GetParam(), limit, out);
  }
};

INSTANTIATE_TEST_SUITE_P(Codings, CodedMessageTest,
                         ::testing::Values(MessageCoding::kGzip, MessageCoding::kDeflate));

TEST_P(CodedMessageTest, comes_out_as_it_went_in) {
  MessageBytes out(budget);
  for (const std::size_t size : {100U, 4'000U, 70'000U, 1'000'000U}) {
    std::string plain;
    while (plain.size() < size)
      plain += static_cast<char>(plain.size() / 7 * 31 % 11);
    ASSERT_TRUE(inflate(compressed(plain), size, out).ok());
    EXPECT_TRUE(out.text() == plain) << size;
  }
}

TEST_P(CodedMessageTest, inflates_up_to_the_limit) {
  const std::string small = compressed(std::string(4'000, 'x'));
  MessageBytes out(budget);
  EXPECT_TRUE(inflate(small, 4'000, out).ok());
  EXPECT_EQ(inflate(small, 3'999, out).message(),
            "the message is larger than 3999 bytes when inflated");
  EXPECT_EQ(out.size(), 0U);
  const std::string bomb = compressed(std::string(50'000'000, '\0'));
  EXPECT_EQ(inflate(bomb, 100'000, out).code(), StatusCode::kInvalidArgument);
  EXPECT_LT(out.capacity(), 300'000U);
}

TEST_P(CodedMessageTest, refuses_what_is_damaged) {
  const std::string good = compressed(std::string(4'000, 'x'));
  MessageBytes out(budget);
  for (std::size_t kept = 0; kept < good.size(); ++kept)
    EXPECT_EQ(inflate(good.substr(0, kept), 10'000, out).code(), StatusCode::kInvalidArgument)
        << kept;
  EXPECT_NE(inflate(good + "x", 10'000, out).message().find("behind"), std::string_view::npos);
  EXPECT_EQ(inflate(std::string(40, '\xff'), 10'000, out).code(), StatusCode::kInvalidArgument);
  const MessageCoding other =
      GetParam() == MessageCoding::kGzip ? MessageCoding::kDeflate : MessageCoding::kGzip;
  EXPECT_EQ(inflate_message(bytes_of(good), other, 10'000, out).code(),
            StatusCode::kInvalidArgument)
      << "the call said how";
}

TEST_P(CodedMessageTest, stays_plain_where_that_is_no_larger) {
  MessageBytes out(budget);
  ASSERT_TRUE(out.append(bytes_of("kept")).ok());
  EXPECT_FALSE(append_compressed(bytes_of("ab"), GetParam(), out));
  EXPECT_FALSE(append_compressed({}, GetParam(), out));
  EXPECT_EQ(out.text(), "kept");
}

TEST_P(CodedMessageTest, counts_towards_the_budget) {
  const std::string small = compressed(std::string(400'000, 'x'));
  const auto tight = std::make_shared<MemoryBudget>(100'000);
  MessageBytes out(tight);
  EXPECT_EQ(inflate_message(bytes_of(small), GetParam(), 1'000'000, out).code(),
            StatusCode::kResourceExhausted);
}

TEST(MessageBytesTest, gives_large_memory_back) {
  const auto budget = std::make_shared<MemoryBudget>(200'000);
  {
    MessageBytes bytes(budget);
    ASSERT_TRUE(bytes.reserve(1'000).ok());
    bytes.clear();
    EXPECT_EQ(budget->taken(), 1'000U) << "small memory is kept";
    ASSERT_TRUE(bytes.reserve(150'000).ok());
    MessageBytes other(budget);
    EXPECT_FALSE(other.reserve(100'000).ok());
    EXPECT_EQ(budget->taken(), 150'000U);
    bytes.clear();
    EXPECT_EQ(budget->taken(), 0U);
    EXPECT_TRUE(other.reserve(100'000).ok());
    MessageBytes moved(std::move(other));
    EXPECT_EQ(moved.capacity(), 100'000U);
  }
  EXPECT_EQ(budget->taken(), 0U);
}

}  // namespace
}  // namespace muster::testing
