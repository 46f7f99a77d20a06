// SPDX-License-Identifier: Apache-2.0
#include "measuring/message.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

std::string some_message() {
  MessageWriter writer;
  writer.put(std::int64_t{-3});
  writer.put_text("a line");
  writer.put(0.25);
  return std::move(writer).take();
}

TEST(MessageReader, takes_what_was_put_in_its_order) {
  const std::string message = some_message();
  MessageReader reader(message);
  EXPECT_EQ(reader.take<std::int64_t>(), -3);
  EXPECT_FALSE(reader.is_whole());
  EXPECT_EQ(reader.take_text(), "a line");
  EXPECT_EQ(reader.take<double>(), 0.25);
  EXPECT_TRUE(reader.is_whole());
}

TEST(MessageReader, takes_nothing_from_behind_the_end) {
  const std::string message = some_message();
  for (std::size_t size = 0; size < message.size(); ++size) {
    MessageReader reader(std::string_view(message).substr(0, size));
    static_cast<void>(reader.take<std::int64_t>());
    static_cast<void>(reader.take_text());
    EXPECT_EQ(reader.take<double>(), 0) << size;
    EXPECT_FALSE(reader.is_whole()) << size;
  }
}

TEST(MessageWriter, cuts_a_text_that_is_too_long) {
  MessageWriter writer;
  writer.put_text(std::string(2 * kLongestMessageText, 'x'));
  const std::string message = std::move(writer).take();
  MessageReader reader(message);
  EXPECT_EQ(reader.take_text().size(), kLongestMessageText);
  EXPECT_TRUE(reader.is_whole());
}

}  // namespace
}  // namespace muster
