// SPDX-License-Identifier: Apache-2.0
#include "protocol/request_body.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(RequestBody, keeps_what_is_appended) {
  RequestBody body(100);
  ASSERT_TRUE(body.append(bytes_of("abc")).ok());
  ASSERT_TRUE(body.append({}).ok());
  ASSERT_TRUE(body.append(bytes_of("def")).ok());
  EXPECT_EQ(body.text(), "abcdef");
}

TEST(RequestBody, takes_exactly_its_limit) {
  RequestBody body(4);
  ASSERT_TRUE(body.append(bytes_of("abcd")).ok());
  EXPECT_EQ(body.append(bytes_of("e")).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(body.space(1).status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(body.text(), "abcd");
}

TEST(RequestBody, refuses_to_reserve_more_than_its_limit) {
  RequestBody body(1000);
  EXPECT_EQ(body.reserve(1001).code(), StatusCode::kOutOfRange);
  EXPECT_TRUE(body.reserve(1000).ok());
}

TEST(RequestBody, takes_no_memory_for_bytes_that_are_only_announced) {
  RequestBody body(std::size_t{1} << 46);
  EXPECT_TRUE(body.reserve(std::size_t{1} << 45).ok());
  EXPECT_LE(body.space(std::size_t{1} << 45)->size(), std::size_t{1} << 20);
}

TEST(RequestBody, is_received_into_in_pieces) {
  const std::string all(100'000, 'x');
  RequestBody body(all.size());
  std::size_t done = 0;
  while (done < all.size()) {
    auto space = body.space(777);
    ASSERT_TRUE(space.ok());
    ASSERT_GE(space->size(), 1U);
    ASSERT_LE(space->size(), 777U);
    std::memcpy(space->data(), all.data() + done, space->size());
    body.commit(space->size());
    done += space->size();
  }
  EXPECT_EQ(body.text(), all);
}

TEST(RequestBody, becomes_a_part_of_memory_and_gives_its_own_for_it) {
  const std::string head_and_body = "head body";
  ByteMemory memory;
  ASSERT_TRUE(memory.resize(20));
  std::memcpy(memory.data(), head_and_body.data(), head_and_body.size());
  const std::byte* const where = memory.data();

  RequestBody body(1000);
  ASSERT_TRUE(body.append(std::as_bytes(std::span(head_and_body))).ok());
  const std::size_t capacity = body.capacity();
  body.restart(1000);
  body.adopt(memory, 5, 4);
  EXPECT_EQ(body.text(), "body");
  EXPECT_EQ(body.bytes().data(), where + 5);
  EXPECT_EQ(body.capacity(), 20U);
  EXPECT_EQ(memory.size(), capacity);
  EXPECT_FALSE(body.append(std::as_bytes(std::span(head_and_body))).ok()) << "it is whole";

  body.restart(1000);
  ASSERT_TRUE(body.append(std::as_bytes(std::span(head_and_body))).ok());
  EXPECT_EQ(body.text(), head_and_body);
}

TEST(RequestBody, is_empty_without_memory) {
  const RequestBody body(0);
  EXPECT_EQ(body.size(), 0U);
  EXPECT_TRUE(body.text().empty());
}

}  // namespace
}  // namespace muster
