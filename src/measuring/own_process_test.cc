// SPDX-License-Identifier: Apache-2.0
#include "measuring/own_process.h"

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace muster {
namespace {

std::unique_ptr<OwnProcess> begun(const OwnProcess::Work& work) {
  auto process = OwnProcess::begin(work);
  EXPECT_TRUE(process.ok()) << process.status().to_string();
  return *std::move(process);
}

// All messages until the end, and how that came.
struct Told {
  std::vector<std::string> messages;
  Status ended;
};

Told all_of(OwnProcess& process) {
  Told told;
  while (true) {
    const auto message = process.receive();
    if (!message.ok()) told.ended = message.status();
    if (!message.ok() || !*message) return told;
    told.messages.push_back(**message);
  }
}

TEST(OwnProcess, tells_whole_messages_in_order_and_ends) {
  const std::string longest(kLongestMessage, 'x');
  const auto process = begun([&](MessageLine& line) {
    for (const std::string& message : {std::string("a"), longest, std::string("c")})
      static_cast<void>(line.send(message));
  });
  const Told told = all_of(*process);
  EXPECT_EQ(told.messages, (std::vector<std::string>{"a", longest, "c"}));
  EXPECT_TRUE(told.ended.ok()) << told.ended.to_string();
  // Once it is gone, that is all that is heard of it.
  EXPECT_TRUE(all_of(*process).messages.empty());
}

TEST(OwnProcess, answers_what_it_is_asked) {
  const auto process = begun([](MessageLine& line) {
    while (const auto asked = line.receive())
      static_cast<void>(line.send(*asked + "!"));
  });
  for (const std::string& word : {std::string("one"), std::string("two")}) {
    ASSERT_TRUE(process->send(word).ok());
    const auto answer = process->receive();
    ASSERT_TRUE(answer.ok() && *answer);
    EXPECT_EQ(**answer, word + "!");
  }
}

TEST(OwnProcess, changes_nothing_here) {
  int here = 1;
  const auto process = begun([&](MessageLine& line) {
    ++here;
    static_cast<void>(line.send(std::to_string(here)));
  });
  EXPECT_EQ(all_of(*process).messages, std::vector<std::string>{"2"});
  EXPECT_EQ(here, 1);
}

TEST(OwnProcess, says_which_signal_ended_it_after_what_it_had_told) {
  const auto killed = begun([](MessageLine& line) {
    static_cast<void>(line.send("before"));
    ::kill(::getpid(), SIGKILL);
  });
  const Told told = all_of(*killed);
  EXPECT_EQ(told.messages, std::vector<std::string>{"before"});
  EXPECT_EQ(told.ended.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(told.ended.message().find("signal 9 (Killed)"), std::string_view::npos)
      << told.ended.message();
  const auto broken = begun([](MessageLine&) {
    std::signal(SIGTERM, SIG_DFL);
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_NE(all_of(*broken).ended.message().find("signal 15"), std::string_view::npos);
}

TEST(OwnProcess, says_that_its_work_failed) {
  const auto process = begun([](MessageLine&) { throw 1; });
  const Told told = all_of(*process);
  EXPECT_NE(told.ended.message().find("exit status 1"), std::string_view::npos);
}

TEST(OwnProcess, refuses_messages_that_are_empty_or_too_long) {
  const auto process = begun([](MessageLine& line) { static_cast<void>(line.receive()); });
  EXPECT_FALSE(process->send("").ok());
  EXPECT_FALSE(process->send(std::string(kLongestMessage + 1, 'x')).ok());
}

TEST(OwnProcess, is_ended_with_the_object) {
  // Were it not, the test would not come to an end: it is waited for.
  const auto process = begun([](MessageLine&) {
    while (true)
      ::pause();
  });
}

// Blocks until no process has the end of the pipe open that it is written to.
std::string read_to_the_end(int pipe) {
  std::string all;
  char bytes[64];
  for (ssize_t size = 0; (size = ::read(pipe, bytes, sizeof(bytes))) > 0;)
    all.append(bytes, static_cast<std::size_t>(size));
  return all;
}

TEST(OwnProcess, does_not_outlive_the_one_that_began_it) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    const auto process = OwnProcess::begin([](MessageLine& line) {
      static_cast<void>(line.send("here"));
      while (true)
        ::pause();
    });
    if (process.ok() && (*process)->receive().ok()) {
      [[maybe_unused]] const ssize_t told = ::write(ends[1], "here", 4);
    }
    ::kill(::getpid(), SIGKILL);
  }
  ::close(ends[1]);
  EXPECT_EQ(read_to_the_end(ends[0]), "here");
  ::close(ends[0]);
  EXPECT_EQ(::waitpid(parent, nullptr, 0), parent);
}

}  // namespace
}  // namespace muster
