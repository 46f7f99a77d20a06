// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/grpc_mailbox.h"

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"

namespace muster {
namespace {

struct Note final : GrpcLetter {
  Note(int its_number, std::vector<int>& read) : number(its_number), opened(read) {}
  void open() override { opened.push_back(number); }
  void drop() override { ++dropped; }
  int number;
  std::vector<int>& opened;
  int dropped = 0;
};

struct GrpcMailboxTest : ::testing::Test {
  int wakes = 0;
  std::vector<int> opened;
  GrpcMailbox box{[this] { ++wakes; }};
};

TEST_F(GrpcMailboxTest, opens_letters_in_the_order_of_sending) {
  std::deque<Note> notes;
  for (int number = 0; number < 4; ++number)
    box.send(notes.emplace_back(number, opened));
  EXPECT_TRUE(box.open_all());
  EXPECT_EQ(opened, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_FALSE(box.open_all());
}

TEST_F(GrpcMailboxTest, wakes_a_sleeper_once_for_many_letters) {
  Note first(1, opened);
  Note second(2, opened);
  ASSERT_TRUE(box.try_sleep());
  box.send(first);
  box.send(second);
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(box.open_all());
  EXPECT_EQ(opened, (std::vector<int>{1, 2}));
}

TEST_F(GrpcMailboxTest, wakes_nobody_who_is_awake) {
  Note note(1, opened);
  box.send(note);
  EXPECT_EQ(wakes, 0);
  EXPECT_FALSE(box.try_sleep()) << "there is a letter";
}

TEST_F(GrpcMailboxTest, asks_for_no_second_wake_while_one_is_on_its_way) {
  Note first(1, opened);
  Note second(2, opened);
  ASSERT_TRUE(box.try_sleep());
  box.send(first);
  ASSERT_TRUE(box.open_all());
  EXPECT_TRUE(box.wake_comes());
  EXPECT_FALSE(box.try_sleep());
  box.send(second);
  EXPECT_EQ(wakes, 1);
  box.woken();
  EXPECT_TRUE(box.open_all());
  EXPECT_TRUE(box.try_sleep());
}

TEST_F(GrpcMailboxTest, a_wake_that_came_first_is_not_waited_for_again) {
  Note note(1, opened);
  ASSERT_TRUE(box.try_sleep());
  box.send(note);
  box.woken();
  EXPECT_TRUE(box.open_all());
  EXPECT_FALSE(box.wake_comes());
  EXPECT_TRUE(box.try_sleep());
}

TEST_F(GrpcMailboxTest, sleeping_without_a_letter_costs_no_wake) {
  ASSERT_TRUE(box.try_sleep());
  EXPECT_FALSE(box.open_all());
  EXPECT_FALSE(box.wake_comes());
  EXPECT_EQ(wakes, 0);
}

TEST_F(GrpcMailboxTest, opens_what_came_before_it_was_closed_and_drops_the_rest) {
  Note early(1, opened);
  Note late(2, opened);
  box.send(early);
  box.close();
  box.send(late);
  EXPECT_EQ(opened, std::vector<int>{1});
  EXPECT_EQ(late.dropped, 1);
  EXPECT_EQ(wakes, 0);
}

// Sleeps on a condition, as the loop does on its queue. No letter is lost and no wake-up is missed:
// otherwise this does not end.
TEST(GrpcMailboxThreadsTest, every_letter_of_many_senders_arrives) {
  constexpr int kSenders = 4;
  constexpr int kLetters = 5000;
  Mutex mutex;
  CondVar woken;
  int wakes = 0;
  GrpcMailbox box([&] {
    const MutexLock lock(mutex);
    ++wakes;
    woken.notify_one();
  });
  std::vector<int> opened;
  std::deque<Note> notes;
  for (int number = 0; number < kSenders * kLetters; ++number)
    notes.emplace_back(number, opened);
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&, sender] {
      for (int letter = 0; letter < kLetters; ++letter)
        box.send(notes[static_cast<std::size_t>(sender * kLetters + letter)]);
    });
  }
  while (opened.size() < notes.size()) {
    if (box.open_all()) continue;
    if (!box.try_sleep() && !box.wake_comes()) continue;
    if (opened.size() == notes.size()) break;
    MutexLock lock(mutex);
    while (wakes == 0)
      woken.wait(lock);
    EXPECT_EQ(wakes, 1) << "two wake-ups for one sleep";
    wakes = 0;
    box.woken();
  }
  for (std::thread& sender : senders)
    sender.join();
  std::vector<int> last(kSenders, -1);
  for (const int number : opened) {
    int& before = last[static_cast<std::size_t>(number / kLetters)];
    EXPECT_LT(before, number);
    before = number;
  }
}

}  // namespace
}  // namespace muster
