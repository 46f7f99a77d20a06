// SPDX-License-Identifier: Apache-2.0
// When a loop says that something came, and when it pauses before it looks.
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
      : loop_(loop),
        between_(std::move(between)),
        count_(static_cast<std::size_t>(times)),
        all_(times) {
    loop.events().watch(bell_.get(), EPOLLIN | EPOLLET, *this);
    ring();
  }

  struct Times {
    TimePoint now;
    TimePoint came_after;
  };
  [[nodiscard]] const std::vector<Times>& await() {
    all_.wait();
    loop_.end();
    return times_;
  }

 private:
  void ring() { EXPECT_EQ(::eventfd_write(bell_.get(), 1), 0); }
  void ready(std::uint32_t) noexcept override {
    if (times_.size() == count_) return;
    times_.push_back({loop_.now(), loop_.came_after()});
    between_();
    ring();
    all_.count_down();
  }

  TransportLoop& loop_;
  const std::function<void()> between_;
  const std::size_t count_;
  const Descriptor bell_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::latch all_;
  std::vector<Times> times_;
};

// Something that has come once, before the loop starts.
class Once final : public EventSource {
 public:
  explicit Once(TransportLoop& loop) { loop.events().watch(bell_.get(), EPOLLIN | EPOLLET, *this); }

 private:
  void ready(std::uint32_t) noexcept override {}

  const Descriptor bell_{::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)};
};

TEST(TransportLoopTest, what_is_there_already_may_have_come_since_the_last_look) {
  FakeClock clock;
  Nobody nobody;
  Counter pauses;
  TransportLoop loop(clock, "test", {}, pauses);
  Events events(loop, [&clock] { clock.advance(milliseconds(5)); });
  loop.start(nobody);
  const auto times = events.await();
  EXPECT_EQ(times[1].now, times[0].now + milliseconds(5));
  EXPECT_EQ(times[1].came_after, times[0].now);
}

constexpr std::chrono::microseconds kPause{1000};

struct Refusing final : Burst::Listener {
  bool burst_ended() override { return true; }
};

// How often a loop has paused before each of some events; `between` is called at each, by number.
class PausingLoop : public ::testing::Test {
 protected:
  std::vector<std::uint64_t> pauses_before(std::ptrdiff_t count,
                                           const std::function<void(int)>& between) {
    int number = 0;
    std::vector<std::uint64_t> pauses;
    Events events(
        loop_,
        [&] {
          pauses.push_back(pauses_.value());
          between(number++);
        },
        count);
    loop_.start(nobody_);
    static_cast<void>(events.await());
    return pauses;
  }
  void refuse() { loop_.burst().tell(std::make_shared<Refusing>()); }

  using Pauses = std::vector<std::uint64_t>;
  FakeClock clock_;
  Nobody nobody_;
  Counter pauses_;
  TransportLoop loop_{clock_, "test", kPause, pauses_};
};

TEST_F(PausingLoop, pauses_after_a_refusal) {
  const auto pauses = pauses_before(3, [&](int number) {
    if (number == 1) refuse();
  });
  EXPECT_EQ(pauses, Pauses({0, 0, 1}));
}

TEST_F(PausingLoop, does_not_where_the_last_round_began_long_ago) {
  const auto pauses = pauses_before(2, [&](int) {
    refuse();
    clock_.advance(kPause);
  });
  EXPECT_EQ(pauses, Pauses({0, 0}));
}

TEST_F(PausingLoop, does_not_some_time_later) {
  const auto pauses = pauses_before(4, [&](int number) {
    if (number == 0) refuse();
    if (number == 1) clock_.advance(milliseconds(51));
  });
  EXPECT_EQ(pauses, Pauses({0, 1, 1, 1}));
}

TEST_F(PausingLoop, does_not_go_on_because_of_what_a_pause_made_too_many) {
  const auto pauses = pauses_before(4, [&](int number) {
    if (number < 2) refuse();
    if (number == 0) clock_.advance(kPause / 2);
    if (number == 1) clock_.advance(milliseconds(50) - kPause / 4);
  });
  EXPECT_EQ(pauses, Pauses({0, 1, 1, 1}));
}

TEST_F(PausingLoop, does_not_where_somebody_has_more_to_move) {
  Once deferred(loop_);
  const auto pauses = pauses_before(2, [&](int) {
    refuse();
    loop_.events().defer(deferred);
  });
  EXPECT_EQ(pauses, Pauses({0, 0}));
}

TEST_F(PausingLoop, does_not_where_many_came_at_once) {
  std::list<Once> crowd;
  while (crowd.size() < 15)
    crowd.emplace_back(loop_);
  EXPECT_EQ(pauses_before(2, [&](int) { refuse(); }), Pauses({0, 0}));
}

TEST(TransportLoopTest, a_pause_of_nothing_is_none) {
  FakeClock clock;
  Nobody nobody;
  Counter pauses;
  TransportLoop loop(clock, "test", {}, pauses);
  Events events(loop, [&loop] { loop.burst().tell(std::make_shared<Refusing>()); });
  loop.start(nobody);
  static_cast<void>(events.await());
  EXPECT_EQ(pauses.value(), 0U);
}

TEST(TransportLoopTest, what_was_waited_for_has_come_just_now) {
  SlowClock clock;
  Nobody nobody;
  Counter pauses;
  TransportLoop loop(clock, "test", {}, pauses);
  Events events(loop, [] {});
  loop.start(nobody);
  for (const auto& times : events.await())
    EXPECT_EQ(times.came_after, times.now);
}

}  // namespace
}  // namespace muster
