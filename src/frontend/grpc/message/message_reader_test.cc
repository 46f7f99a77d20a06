// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/message/message_reader.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "frontend/grpc/testing/framed.h"

namespace muster::testing {
namespace {

using Step = MessageReader::Step;

struct MessageReaderTest : ::testing::Test {
  std::shared_ptr<MemoryBudget> budget = std::make_shared<MemoryBudget>(std::size_t{1} << 30);
  MessageBytes message{budget};
  MessageReader reader;

  MessageReaderTest() { reader.restart(message, 10'000, true); }

  // All messages of `bytes`, which come in pieces of `length`.
  std::vector<std::string> read_all(const std::string& bytes, std::size_t length) {
    std::vector<std::string> messages;
    for (std::size_t begin = 0; begin < bytes.size(); begin += length) {
      std::span<const std::byte> piece =
          bytes_of(bytes).subspan(begin, std::min(length, bytes.size() - begin));
      while (true) {
        const Step step = reader.read(piece);
        if (step == Step::kMessage) messages.emplace_back(message.text());
        if (step == Step::kNeedBytes || step == Step::kRefused || piece.empty()) break;
      }
    }
    return messages;
  }
  Step read(const std::string& bytes) {
    std::span<const std::byte> piece = bytes_of(bytes);
    return reader.read(piece);
  }
};

TEST_F(MessageReaderTest, reads_the_same_messages_from_pieces_of_every_length) {
  const std::vector<std::string> messages = {"one", "", std::string(300, 'x'), "four"};
  std::string bytes;
  for (const std::string& one : messages)
    bytes += framed(one);
  for (std::size_t length = 1; length <= bytes.size(); ++length) {
    reader.restart(message, 10'000, true);
    EXPECT_EQ(read_all(bytes, length), messages) << length;
    EXPECT_TRUE(reader.is_between_messages());
  }
}

TEST_F(MessageReaderTest, says_whether_a_message_is_compressed) {
  EXPECT_EQ(read(framed("plain")), Step::kMessage);
  EXPECT_FALSE(reader.is_compressed());
  EXPECT_EQ(read(framed("small", true)), Step::kMessage);
  EXPECT_TRUE(reader.is_compressed());
}

TEST_F(MessageReaderTest, knows_whether_a_call_may_end) {
  EXPECT_TRUE(reader.is_between_messages());
  EXPECT_EQ(read(std::string(1, '\0')), Step::kNeedBytes);
  EXPECT_FALSE(reader.is_between_messages()) << "a prefix has begun";
  EXPECT_EQ(reader.missing(), 0U) << "nobody knows yet";
  EXPECT_EQ(read(std::string("\0\0\0\3ab", 6)), Step::kNeedBytes);
  EXPECT_FALSE(reader.is_between_messages());
  EXPECT_EQ(reader.missing(), 1U);
  EXPECT_EQ(read("c"), Step::kMessage);
  EXPECT_TRUE(reader.is_between_messages());
  EXPECT_EQ(message.text(), "abc");
}

TEST_F(MessageReaderTest, leaves_what_follows_a_message) {
  const std::string bytes = framed("one") + "rest";
  std::span<const std::byte> piece = bytes_of(bytes);
  EXPECT_EQ(reader.read(piece), Step::kMessage);
  EXPECT_EQ(piece.size(), 4U);
}

TEST_F(MessageReaderTest, refuses_a_message_over_the_limit_by_its_length_alone) {
  EXPECT_EQ(read(framed(std::string(10'000, 'x'))), Step::kMessage) << "just fits";
  EXPECT_EQ(read(prefix_of(10'001)), Step::kRefused);
  EXPECT_EQ(reader.refusal().code, StatusCode::kResourceExhausted);
  EXPECT_EQ(reader.refusal().message, "the message has 10001 bytes, the limit is 10000");
  EXPECT_EQ(read(framed("more")), Step::kRefused) << "for good";
  reader.restart(message, 10'000, true);
  EXPECT_EQ(read(prefix_of(0xffffffff)), Step::kRefused);
  reader.restart(message, 10'000, true);
  EXPECT_EQ(read(framed("a new call")), Step::kMessage);
}

TEST_F(MessageReaderTest, refuses_flags_that_do_not_exist) {
  EXPECT_EQ(read(std::string("\2\0\0\0\0", 5)), Step::kRefused);
  EXPECT_EQ(reader.refusal().code, StatusCode::kInvalidArgument);
}

TEST_F(MessageReaderTest, refuses_compressed_messages_of_a_call_that_does_not_say_how) {
  reader.restart(message, 10'000, false);
  EXPECT_EQ(read(framed("plain")), Step::kMessage);
  EXPECT_EQ(read(framed("small", true)), Step::kRefused);
  EXPECT_EQ(reader.refusal().code, StatusCode::kInternal);
}

TEST_F(MessageReaderTest, takes_memory_as_bytes_come_and_not_as_lengths_claim) {
  reader.restart(message, std::size_t{1} << 30, false);
  EXPECT_EQ(read(prefix_of(std::size_t{1} << 30) + "x"), Step::kNeedBytes);
  EXPECT_LE(message.capacity(), std::size_t{1} << 20);
  EXPECT_EQ(budget->taken(), message.capacity());
}

TEST_F(MessageReaderTest, refuses_where_the_budget_of_all_is_used_up) {
  budget = std::make_shared<MemoryBudget>(1000);
  MessageBytes small(budget);
  reader.restart(small, 10'000, false);
  EXPECT_EQ(read(framed(std::string(900, 'x'))), Step::kMessage);
  EXPECT_EQ(read(framed(std::string(1001, 'x'))), Step::kRefused);
  EXPECT_EQ(reader.refusal().code, StatusCode::kUnavailable) << "others may give back";
}

TEST_F(MessageReaderTest, what_is_read_to_its_place_is_where_it_belongs) {
  const std::string text = std::string(1000, 'x') + "end";
  const std::string bytes = framed(text);
  EXPECT_TRUE(reader.room(100).empty()) << "no message has begun";
  EXPECT_EQ(read(bytes.substr(0, 105)), Step::kNeedBytes);
  EXPECT_EQ(reader.room(7).size(), 7U);
  const std::span<std::byte> room = reader.room(10'000);
  ASSERT_EQ(room.size(), bytes.size() - 105);
  std::ranges::copy(bytes_of(bytes).subspan(105), room.begin());
  std::span<const std::byte> piece = room;
  EXPECT_EQ(reader.read(piece), Step::kMessage);
  EXPECT_EQ(message.text(), text);
  EXPECT_TRUE(reader.room(100).empty()) << "it is complete";

  EXPECT_EQ(read(framed(std::string(10'001, 'x'))), Step::kRefused);
  EXPECT_TRUE(reader.room(100).empty());
}

}  // namespace
}  // namespace muster::testing
