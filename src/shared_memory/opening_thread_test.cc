// SPDX-License-Identifier: Apache-2.0
#include "shared_memory/opening_thread.h"

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

RegionOpening opening(std::string name, std::promise<Status>& outcome) {
  return {{.name = std::move(name)},
          {},
          MappedBytes(std::make_shared<std::atomic<std::uint64_t>>(0), 0),
          [&outcome](Status status) { outcome.set_value(std::move(status)); }};
}

TEST(OpeningThread, opens_one_after_the_other_in_their_order) {
  std::string order;
  OpeningThread thread(4, [&](RegionOpening& each) {
    order += each.status.name;
    return each.status.name == "b" ? invalid_argument("b") : Status();
  });
  std::promise<Status> outcomes[3];
  for (int i = 0; i < 3; ++i) {
    RegionOpening each = opening(std::string(1, static_cast<char>('a' + i)), outcomes[i]);
    ASSERT_TRUE(thread.offer(each).ok());
  }
  EXPECT_TRUE(outcomes[0].get_future().get().ok());
  EXPECT_EQ(outcomes[1].get_future().get().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(outcomes[2].get_future().get().ok());
  EXPECT_EQ(order, "abc");
}

TEST(OpeningThread, at_its_end_waits_for_one_and_answers_those_behind_it) {
  std::promise<void> begun;
  std::promise<Status> first;
  std::promise<Status> second;
  std::future<Status> of_second = second.get_future();
  auto thread = std::make_unique<OpeningThread>(4, [&](RegionOpening&) {
    begun.set_value();
    of_second.wait();
    return Status();
  });
  RegionOpening one = opening("a", first);
  RegionOpening other = opening("b", second);
  ASSERT_TRUE(thread->offer(one).ok());
  begun.get_future().wait();
  ASSERT_TRUE(thread->offer(other).ok());
  thread.reset();
  EXPECT_TRUE(first.get_future().get().ok());
  EXPECT_EQ(of_second.get().code(), StatusCode::kUnavailable);
}

TEST(OpeningThread, goes_on_behind_one_that_throws) {
  OpeningThread thread(4, [](RegionOpening& each) -> Status {
    if (each.status.name == "a") throw std::runtime_error("oh");
    return {};
  });
  std::promise<Status> first;
  std::promise<Status> second;
  RegionOpening one = opening("a", first);
  RegionOpening other = opening("b", second);
  ASSERT_TRUE(thread.offer(one).ok());
  ASSERT_TRUE(thread.offer(other).ok());
  EXPECT_EQ(first.get_future().get().code(), StatusCode::kInternal);
  EXPECT_TRUE(second.get_future().get().ok());
}

TEST(OpeningThread, needs_no_thread_where_nothing_is_opened) {
  const OpeningThread thread(1, [](RegionOpening&) { return Status(); });
}

}  // namespace
}  // namespace muster
