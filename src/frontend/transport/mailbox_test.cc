// SPDX-License-Identifier: Apache-2.0
#include "frontend/transport/mailbox.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

namespace muster {
namespace {

struct Numbered final : Letter {
  Numbered(int sender, int number, std::atomic<int>& alive)
      : from(sender), value(number), alive_(alive) {
    ++alive_;
  }
  ~Numbered() override { --alive_; }
  void open() override {}
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

  // How often it rang since this was asked last.
  std::uint64_t rings() {
    std::uint64_t count = 0;
    return ::read(mailbox_->bell(), &count, sizeof(count)) == sizeof(count) ? count : 0;
  }
  // Rounds as the transport thread's: whether this one slept, or would have.
  bool sleep() {
    return mailbox_->run_asleep([&] {
      pollfd bell{mailbox_->bell(), POLLIN, 0};
      EXPECT_EQ(::poll(&bell, 1, -1), 1);
      rings();
    });
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

TEST_F(MailboxTest, a_burst_wakes_a_sleeper_once) {
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(mailbox_->run_asleep([&] {
      for (const int value : {1, 2, 3})
        push(value);
      EXPECT_EQ(rings(), 1U);
    }));
    EXPECT_EQ(take().size(), 3U);
    EXPECT_EQ(rings(), 0U);
  }
}

TEST_F(MailboxTest, wakes_nobody_who_is_awake_and_lets_nobody_sleep_with_letters_there) {
  push(1);
  EXPECT_EQ(rings(), 0U);
  EXPECT_FALSE(sleep());
  EXPECT_EQ(take().size(), 1U);
}

TEST_F(MailboxTest, answers_of_a_batch_wake_once_at_their_end) {
  EXPECT_TRUE(mailbox_->run_asleep([&] {
    {
      const AnswerBurst burst;
      push(1);
      EXPECT_EQ(rings(), 0U);
      EXPECT_EQ(take().size(), 1U);
      push(2);
    }
    EXPECT_EQ(rings(), 1U);
    EXPECT_EQ(take().size(), 1U);
    {
      const AnswerBurst burst;
      push(3);
      EXPECT_EQ(take().size(), 1U);
    }
    EXPECT_EQ(rings(), 0U) << "woken for nothing";
  }));
}

TEST_F(MailboxTest, is_awake_again_after_a_sleep_that_failed) {
  EXPECT_THROW(mailbox_->run_asleep([] { throw std::bad_alloc(); }), std::bad_alloc);
  push(1);
  EXPECT_EQ(rings(), 0U);
  EXPECT_EQ(take().size(), 1U);
}

TEST_F(MailboxTest, a_wake_up_before_the_sleep_ends_it) {
  mailbox_->wake();
  mailbox_->wake();
  EXPECT_TRUE(sleep());  // would hang here
  EXPECT_EQ(rings(), 0U);
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
  std::vector<int> next(kSenders, 0);
  int received = 0;
  while (received < kSenders * kLetters) {
    sleep();  // until it is woken: a lost wake-up would hang here
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
