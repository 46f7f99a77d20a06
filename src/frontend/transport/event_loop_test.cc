// SPDX-License-Identifier: Apache-2.0
#include "frontend/transport/event_loop.h"

#include <array>
#include <functional>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace muster {
namespace {

// Two connected sockets: what goes into one is told of the other.
class Pair final : public EventSource {
 public:
  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    near_ = Descriptor(ends[0]);
    far_ = Descriptor(ends[1]);
  }
  void ready(std::uint32_t events) noexcept override {
    told.push_back(events);
    if (then) then();
  }
  void write(const std::string& text) const {
    EXPECT_EQ(::write(far_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void end() { far_.close(); }
  [[nodiscard]] int descriptor() const { return near_.get(); }

  std::vector<std::uint32_t> told;
  std::function<void()> then;

 private:
  Descriptor near_;
  Descriptor far_;
};

using Told = std::vector<std::uint32_t>;
constexpr std::uint32_t kEdges = EPOLLIN | EPOLLRDHUP | EPOLLET;

std::size_t turn(EventLoop& loop) {
  loop.look();
  return loop.tell();
}

TEST(EventLoopTest, tells_what_came_before_it_watched) {
  EventLoop loop;
  Pair pair;
  pair.write("x");
  loop.watch(pair.descriptor(), kEdges, pair);
  EXPECT_EQ(turn(loop), 1U);
  EXPECT_EQ(pair.told, Told{EPOLLIN});
}

TEST(EventLoopTest, tells_an_edge_once_and_the_next_again) {
  EventLoop loop;
  Pair pair;
  loop.watch(pair.descriptor(), kEdges, pair);
  EXPECT_EQ(turn(loop), 0U);
  pair.write("x");
  EXPECT_EQ(turn(loop), 1U);
  EXPECT_EQ(turn(loop), 0U) << "though nobody has read it";
  pair.write("y");
  EXPECT_EQ(turn(loop), 1U);
  pair.end();
  EXPECT_EQ(turn(loop), 1U);
  EXPECT_NE(pair.told.back() & EPOLLRDHUP, 0U);
}

TEST(EventLoopTest, tells_that_bytes_can_be_written_where_that_is_asked_for) {
  EventLoop loop;
  Pair pair;
  loop.watch(pair.descriptor(), kEdges, pair);
  EXPECT_EQ(turn(loop), 0U);
  loop.change(pair.descriptor(), kEdges | EPOLLOUT, pair);
  EXPECT_EQ(turn(loop), 1U);
  EXPECT_EQ(pair.told, Told{EPOLLOUT});
}

TEST(EventLoopTest, does_not_sleep_over_what_was_deferred_and_tells_it_once) {
  EventLoop loop;
  Pair pair;
  loop.defer(pair);
  loop.sleep();  // would hang here
  EXPECT_EQ(loop.tell(), 1U);
  EXPECT_EQ(pair.told, Told{0});
  EXPECT_EQ(turn(loop), 0U);
}

TEST(EventLoopTest, what_is_deferred_while_it_tells_has_its_turn_after_the_others) {
  EventLoop loop;
  Pair greedy;
  Pair other;
  greedy.then = [&] { loop.defer(greedy); };
  loop.watch(other.descriptor(), kEdges, other);
  loop.defer(greedy);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(turn(loop), 1U);
  other.write("x");
  EXPECT_EQ(turn(loop), 2U);
  EXPECT_EQ(other.told.size(), 1U);
}

// Two that are ready at once, of which each ends the other: the second must not be told.
TEST(EventLoopTest, nobody_is_told_who_was_forgotten_meanwhile) {
  EventLoop loop;
  Pair first;
  Pair second;
  const auto ends = [&](Pair& source) { return [&] { loop.forget(source.descriptor(), source); }; };
  first.then = ends(second);
  second.then = ends(first);
  for (Pair* source : {&first, &second}) {
    source->write("x");
    loop.watch(source->descriptor(), kEdges, *source);
  }
  EXPECT_EQ(turn(loop), 1U);
  EXPECT_EQ(first.told.size() + second.told.size(), 1U);

  for (Pair* source : {&first, &second}) {
    source->told.clear();
    loop.defer(*source);
  }
  EXPECT_EQ(turn(loop), 1U);
  EXPECT_EQ(first.told.size(), 1U);

  loop.defer(second);
  loop.forget(second.descriptor(), second);
  EXPECT_EQ(turn(loop), 0U);
}

TEST(EventLoopTest, takes_a_burst_in_as_many_looks_as_it_needs) {
  EventLoop loop;
  std::vector<Pair> pairs(EventLoop::kMaxEvents + 5);
  for (Pair& pair : pairs) {
    loop.watch(pair.descriptor(), kEdges, pair);
    pair.write("x");
  }
  EXPECT_EQ(turn(loop), EventLoop::kMaxEvents);
  EXPECT_EQ(turn(loop), 5U);
  for (const Pair& pair : pairs)
    EXPECT_EQ(pair.told.size(), 1U);
}

TEST(EventLoopTest, says_where_a_descriptor_cannot_be_watched) {
  EventLoop loop;
  Pair pair;
  EXPECT_THROW(loop.watch(-1, EPOLLIN, pair), std::system_error);
  EXPECT_EQ(turn(loop), 0U);
}

TEST(AlarmTest, rings_once_each_time_it_is_set) {
  EventLoop loop;
  Pair source;
  Alarm alarm;
  loop.watch(alarm.descriptor(), EPOLLIN | EPOLLET, source);
  EXPECT_EQ(turn(loop), 0U);
  for (const std::size_t times : {1U, 2U}) {
    alarm.set(std::chrono::milliseconds(1));
    loop.sleep();  // would hang here
    EXPECT_EQ(loop.tell(), 1U);
    EXPECT_EQ(source.told.size(), times);
  }
}

}  // namespace
}  // namespace muster
