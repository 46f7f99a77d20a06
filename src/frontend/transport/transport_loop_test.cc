// SPDX-License-Identifier: Apache-2.0
// When a loop says that something came.
#include "frontend/transport/transport_loop.h"

#include <chrono>
#include <functional>
#include <latch>
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

// Something that comes twice: the second time while the first is being looked at.
class TwoEvents final : public EventSource {
 public:
  TwoEvents(TransportLoop& loop, std::function<void()> between)
      : loop_(loop), between_(std::move(between)) {
    loop.events().watch(bell_.get(), EPOLLIN | EPOLLET, *this);
    ring();
  }

  struct Times {
    TimePoint now;
    TimePoint came_after;
  };
  [[nodiscard]] const std::vector<Times>& await() {
    both_.wait();
    loop_.end();
    return times_;
  }

 private:
  void ring() { EXPECT_EQ(::eventfd_write(bell_.get(), 1), 0); }
  void ready(std::uint32_t) noexcept override {
    if (times_.size() == 2) return;
    times_.push_back({loop_.now(), loop_.came_after()});
    if (times_.size() == 1) {
      between_();
      ring();
    }
    both_.count_down();
  }

  TransportLoop& loop_;
  const std::function<void()> between_;
  const Descriptor bell_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::latch both_{2};
  std::vector<Times> times_;
};

TEST(TransportLoopTest, what_is_there_already_may_have_come_since_the_last_look) {
  FakeClock clock;
  Nobody nobody;
  TransportLoop loop(clock, "test");
  TwoEvents events(loop, [&clock] { clock.advance(milliseconds(5)); });
  loop.start(nobody);
  const auto times = events.await();
  EXPECT_EQ(times[1].now, times[0].now + milliseconds(5));
  EXPECT_EQ(times[1].came_after, times[0].now);
}

TEST(TransportLoopTest, what_was_waited_for_has_come_just_now) {
  SlowClock clock;
  Nobody nobody;
  TransportLoop loop(clock, "test");
  TwoEvents events(loop, [] {});
  loop.start(nobody);
  for (const auto& [now, came_after] : events.await())
    EXPECT_EQ(came_after, now);
}

}  // namespace
}  // namespace muster
