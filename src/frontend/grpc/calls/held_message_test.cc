// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/held_message.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <zlib.h>

#include "frontend/grpc/testing/sliced_message.h"

namespace muster::testing {
namespace {

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i)
    text += static_cast<char>(i * 7);
  return text;
}

const void* data_of(const grpc_slice& slice) {
  return GRPC_SLICE_START_PTR(slice);
}

TEST(HeldMessageTest, leaves_one_slice_where_it_is) {
  const std::string text = text_of(4000);
  HeldMessage message;
  {
    const SlicedMessage sliced(text, text.size());
    ASSERT_TRUE(message.take(sliced.slices(), false, 0).ok());
    EXPECT_EQ(static_cast<const void*>(message.bytes().data()), data_of(sliced.slices().slices[0]));
  }
  EXPECT_EQ(message.bytes(), text);
}

TEST(HeldMessageTest, copies_what_is_small_and_what_lies_in_pieces) {
  for (const std::size_t size : {0U, 1U, 20U, 1000U, 4000U}) {
    const std::string text = text_of(size);
    HeldMessage message;
    {
      const SlicedMessage sliced(text, 1023);
      ASSERT_TRUE(message.take(sliced.slices(), false, 0).ok());
    }
    EXPECT_EQ(message.bytes(), text) << size;
  }
}

TEST(HeldMessageTest, inflates_up_to_the_limit) {
  const std::string text = text_of(4000);
  std::string deflated(compressBound(text.size()), '\0');
  uLongf size = deflated.size();
  ASSERT_EQ(compress(reinterpret_cast<Bytef*>(deflated.data()), &size,
                     reinterpret_cast<const Bytef*>(text.data()), text.size()),
            Z_OK);
  deflated.resize(size);
  const SlicedMessage sliced(deflated, 100);
  HeldMessage message;
  ASSERT_TRUE(message.take(sliced.slices(), true, text.size()).ok());
  EXPECT_EQ(message.bytes(), text);
  EXPECT_EQ(message.take(sliced.slices(), true, text.size() - 1).message(),
            "the message is larger than 3999 bytes when inflated");
  EXPECT_EQ(message.bytes(), "");
}

TEST(HeldMessageTest, lets_go_when_it_is_cleared_or_takes_another) {
  const auto kept = std::make_shared<std::string>(text_of(4000));
  const auto slices_of_kept = [&] {
    grpc_slice_buffer slices;
    grpc_slice_buffer_init(&slices);
    grpc_slice_buffer_add(
        &slices, grpc_slice_new_with_user_data(
                     kept->data(), kept->size(),
                     [](void* owner) { delete static_cast<std::shared_ptr<std::string>*>(owner); },
                     new std::shared_ptr<std::string>(kept)));
    return slices;
  };
  HeldMessage message;
  for (int time = 0; time < 2; ++time) {
    grpc_slice_buffer slices = slices_of_kept();
    ASSERT_TRUE(message.take(slices, false, 0).ok());
    grpc_slice_buffer_destroy(&slices);
    EXPECT_EQ(kept.use_count(), 2);
  }
  message.clear();
  EXPECT_EQ(kept.use_count(), 1);
}

}  // namespace
}  // namespace muster::testing
