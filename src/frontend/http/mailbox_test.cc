// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/mailbox.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <gtest/gtest.h>

namespace muster {
namespace {

struct Numbered final : Letter {
  Numbered(int sender, int number, std::atomic<int>& alive)
      : from(sender), value(number), alive_(alive) {
    ++alive_;
  }
  ~Numbered() override { --alive_; }
  const int from;
  const int value;

 private:
  std::atomic<int>& alive_;
};

class MailboxTest : public ::testing::Test {
 protected:
  ~MailboxTest() override { EXPECT_EQ(alive_, 0); }
  void push(int value, int from = 0) { mailbox_->push(new Numbered(from, value, alive_)); }
  std::vector<int> take() {
    std::vector<int> values;
    for (Letter* letter = mailbox_->take_all(); letter != nullptr;) {
      const std::unique_ptr<Numbered> owned(static_cast<Numbered*>(letter));
      letter = letter->next;
      values.push_back(owned->value);
    }
    return values;
  }

  std::atomic<int> alive_{0};
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
};

TEST_F(MailboxTest, gives_what_was_pushed_oldest_first) {
  for (const int value : {1, 2, 3})
    push(value);
  EXPECT_FALSE(mailbox_->empty());
  EXPECT_EQ(take(), (std::vector<int>{1, 2, 3}));
  EXPECT_TRUE(mailbox_->empty());
  EXPECT_EQ(take(), std::vector<int>{});
}

TEST_F(MailboxTest, a_burst_wakes_once) {
  for (const int value : {1, 2, 3})
    push(value);
  EXPECT_EQ(mailbox_->io().poll(), 1U);
  EXPECT_EQ(take().size(), 3U);
  mailbox_->io().restart();
  push(4);
  EXPECT_EQ(mailbox_->io().poll(), 1U);
  EXPECT_EQ(take().size(), 1U);
}

TEST_F(MailboxTest, letters_taken_before_their_wake_up_leave_room_for_no_second_one) {
  push(1);
  EXPECT_EQ(take().size(), 1U);
  push(2);  // while the first wake-up is still under way
  EXPECT_EQ(mailbox_->io().poll(), 1U);
  EXPECT_EQ(take().size(), 1U);
}

TEST_F(MailboxTest, its_own_thread_needs_no_waking) {
  std::thread own([&] {
    mailbox_->belongs_to_this_thread();
    push(1);
    EXPECT_EQ(mailbox_->io().poll(), 0U);
    EXPECT_EQ(take().size(), 1U);
  });
  own.join();
}

TEST_F(MailboxTest, closed_it_throws_away_what_is_there_and_what_comes) {
  push(1);
  mailbox_->close();
  EXPECT_EQ(alive_, 0);
  push(2);
  EXPECT_EQ(alive_, 0);
  mailbox_->close();
}

TEST_F(MailboxTest, no_letter_of_many_senders_is_lost_or_left_asleep) {
  constexpr int kSenders = 4;
  constexpr int kLetters = 5000;
  std::vector<std::thread> senders;
  for (int from = 0; from < kSenders; ++from) {
    senders.emplace_back([&, from] {
      for (int value = 0; value < kLetters; ++value)
        push(value, from);
    });
  }
  const auto work = boost::asio::make_work_guard(mailbox_->io());
  std::vector<int> next(kSenders, 0);
  int received = 0;
  while (received < kSenders * kLetters) {
    // Sleeps until it is woken: a lost wake-up would hang here.
    mailbox_->io().run_one();
    for (Letter* letter = mailbox_->take_all(); letter != nullptr; ++received) {
      const std::unique_ptr<Numbered> owned(static_cast<Numbered*>(letter));
      letter = letter->next;
      EXPECT_EQ(owned->value, next[static_cast<std::size_t>(owned->from)]++);
    }
  }
  for (auto& sender : senders)
    sender.join();
}

}  // namespace
}  // namespace muster
