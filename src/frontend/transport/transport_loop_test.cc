// SPDX-License-Identifier: Apache-2.0
// When a loop says that something came.
#include "frontend/transport/transport_loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <latch>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "base/testing/fake_clock.h"

namespace muster {
namespace {

using std::chrono::milliseconds;

struct Nobody final : TransportLoop::User {
  void end_round() override {}
  void tick(TimePoint) override {}
  [[nodiscard]] bool needs_ticks() const noexcept override { return false; }
  [[nodiscard]] std::size_t source_count() const noexcept override { return 1; }
};

// Every call takes a second.
class SlowClock final : public Clock {
 public:
  TimePoint now() noexcept override { return now_ += std::chrono::seconds(1); }
  void wait_until(CondVar&, MutexLock&, TimePoint) override {}

 private:
  TimePoint now_;
};

// Something that comes twice or more: each time while the time before is being looked at.
class Events final : public EventSource {
 public:
  Events(TransportLoop& loop, std::function<void()> between, std::ptrdiff_t times = 2)
      : loop_(loop), between_(std::move(between)), all_(times) {
    loop.events().watch(bell_.get(), EPOLLIN | EPOLLET, *this);
    ring();
  }

  struct Times {
    TimePoint now;
    TimePoint came_after;
    std::uint64_t gatherings;
  };
  [[nodiscard]] const std::vector<Times>& await() {
    all_.wait();
    loop_.end();
    return times_;
  }

 private:
  void ring() { EXPECT_EQ(::eventfd_write(bell_.get(), 1), 0); }
  void ready(std::uint32_t) noexcept override {
    if (all_.try_wait()) return;
    times_.push_back({loop_.now(), loop_.came_after(), loop_.gatherings()});
    between_();
    ring();
    all_.count_down();
  }

  TransportLoop& loop_;
  const std::function<void()> between_;
  const Descriptor bell_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::latch all_;
  std::vector<Times> times_;
};

// Something that has come once, before the loop starts.
class Once final : public EventSource {
 public:
  explicit Once(TransportLoop& loop) {
    loop.events().watch(bell_.get(), EPOLLIN | EPOLLET, *this);
  }

 private:
  void ready(std::uint32_t) noexcept override {}

  const Descriptor bell_{::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)};
};

TEST(TransportLoopTest, what_is_there_already_may_have_come_since_the_last_look) {
  FakeClock clock;
  Nobody nobody;
  TransportLoop loop(clock, "test");
  Events events(loop, [&clock] { clock.advance(milliseconds(5)); });
  loop.start(nobody);
  const auto times = events.await();
  EXPECT_EQ(times[1].now, times[0].now + milliseconds(5));
  EXPECT_EQ(times[1].came_after, times[0].now);
}

constexpr std::chrono::microseconds kPause{1};

struct Refusing final : Burst::Listener {
  bool burst_ended() override { return true; }
};

TEST(TransportLoopTest, a_round_that_follows_refusals_lets_requests_gather) {
  FakeClock clock;
  Nobody nobody;
  TransportLoop loop(clock, "test", kPause);
  Events events(loop, [&loop] { loop.burst().tell(std::make_shared<Refusing>()); });
  loop.start(nobody);
  const auto times = events.await();
  EXPECT_EQ(times[0].gatherings, 0U);
  EXPECT_EQ(times[1].gatherings, 1U);
}

TEST(TransportLoopTest, some_time_after_a_refusal_rounds_begin_at_once_again) {
  FakeClock clock;
  Nobody nobody;
  TransportLoop loop(clock, "test", kPause);
  int refusals = 1;
  Events events(
      loop,
      [&] {
        if (refusals-- > 0) loop.burst().tell(std::make_shared<Refusing>());
        clock.advance(milliseconds(6));
      },
      5);
  loop.start(nobody);
  const auto times = events.await();
  EXPECT_EQ(times[2].gatherings, 2U);
  EXPECT_EQ(times[4].gatherings, 2U);
}

TEST(TransportLoopTest, other_rounds_begin_at_once) {
  FakeClock clock;
  Nobody nobody;
  TransportLoop loop(clock, "test", kPause);
  Events events(loop, [] {});
  loop.start(nobody);
  EXPECT_EQ(events.await()[1].gatherings, 0U);
}

TEST(TransportLoopTest, without_a_pause_refusals_change_nothing) {
  FakeClock clock;
  Nobody nobody;
  TransportLoop loop(clock, "test");
  Events events(loop, [&loop] { loop.burst().tell(std::make_shared<Refusing>()); });
  loop.start(nobody);
  EXPECT_EQ(events.await()[1].gatherings, 0U);
}

TEST(TransportLoopTest, a_crowd_is_enough_without_gathering) {
  FakeClock clock;
  Nobody nobody;
  TransportLoop loop(clock, "test", kPause);
  std::list<Once> crowd;
  while (crowd.size() < 15)
    crowd.emplace_back(loop);
  Events events(loop, [&loop] { loop.burst().tell(std::make_shared<Refusing>()); });
  loop.start(nobody);
  EXPECT_EQ(events.await()[1].gatherings, 0U);
}

TEST(TransportLoopTest, what_was_waited_for_has_come_just_now) {
  SlowClock clock;
  Nobody nobody;
  TransportLoop loop(clock, "test");
  Events events(loop, [] {});
  loop.start(nobody);
  for (const auto& times : events.await())
    EXPECT_EQ(times.came_after, times.now);
}

}  // namespace
}  // namespace muster
