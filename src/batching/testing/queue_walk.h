// SPDX-License-Identifier: Apache-2.0
// QueueWalk: a BatchQueue and its reference side by side, led through the same steps and compared
// after each. One thread plays all: whenever the queue would put a worker or the deadline watcher
// to sleep, the walk goes on from there as if it were the other threads, until it wakes the
// sleeper.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "batching/testing/queue_pair.h"

namespace muster::testing {

class QueueWalk final : private Clock {
 public:
  QueueWalk(Pick pick, std::size_t steps)
      : pick_(std::move(pick)), steps_(steps), pair_(pick_, static_cast<Clock&>(*this)) {}

  // "" where queue and reference agreed, otherwise the first difference.
  [[nodiscard]] std::string run() {
    try {
      while (steps_ > 0)
        step();
      end();
      pair_.check_counts();
    } catch (const std::runtime_error& difference) {
      return "with " + std::to_string(steps_) + " steps to go: " + difference.what();
    }
    return "";
  }

 private:
  // Someone inside a method that may sleep; the last is who calls the clock.
  struct Frame {
    bool watches;
    std::size_t worker;
  };

  void step() {
    --steps_;
    switch (pick_(16)) {
      case 6:
      case 7:
      case 8:
        take();
        break;
      case 9:
      case 10:
        pair_.finish();
        break;
      case 11:
        pair_.cancel_one();
        break;
      case 12:
      case 13:
        now_ += pick_(8) * kTick;
        break;
      case 14:
        pair_.claim();
        break;
      case 15:
        pick_(16) == 0 ? pair_.close() : watch();
        break;
      default:
        pair_.offer();
    }
    pair_.check();
  }

  [[nodiscard]] bool busy(std::size_t worker) const {
    const auto is = [&](const Frame& frame) { return frame.worker == worker; };
    return std::ranges::any_of(frames_, is) || pair_.holds_batch(worker);
  }

  void take() {
    std::size_t worker = 0;
    while (worker < pair_.workers() && busy(worker))
      ++worker;
    if (worker < pair_.workers()) take_as(worker);
  }

  void take_as(std::size_t worker) {
    pair_.look();
    frames_.push_back({false, worker});
    Batch batch;
    pair_.queue().take(worker, batch);
    frames_.pop_back();
    pair_.took(worker, std::move(batch));
  }

  void watch() {
    if (std::ranges::any_of(frames_, &Frame::watches)) return;
    pair_.look();
    frames_.push_back({true, QueuePair::kNobody});
    pair_.queue().watch_deadlines();
    frames_.pop_back();
    QueuePair::require(pair_.is_over(), "the watcher went home early");
  }

  void check_asleep(const Frame& sleeper, TimePoint until) {
    const auto& require = QueuePair::require;
    const ReferenceQueue& reference = pair_.reference();
    pair_.check();
    require(!pair_.is_over(), "sleeps in an empty queue");
    if (sleeper.watches) {
      require(until <= reference.earliest_deadline(), "the watcher oversleeps a deadline");
    } else if (reference.waiting().empty() || !reference.runner_free(sleeper.worker)) {
      require(until == kForever, "a worker sleeps until a moment when it has nothing to do");
    } else {
      require(!reference.due_batch(now_), "a worker sleeps while a batch is due");
      require(until == reference.next_due(), "a worker sleeps until another moment");
    }
  }

  TimePoint now() noexcept override { return now_; }

  void wait_until(CondVar& /*condition*/, MutexLock& lock,
                  TimePoint until) override MUSTER_NO_THREAD_SAFETY_ANALYSIS {
    if (until <= now_) return;
    lock.unlock();
    const Frame sleeper = frames_.back();
    check_asleep(sleeper, until);
    do {
      if (steps_ > 0) step();
    } while (steps_ > 0 && pick_(6) > 0);
    if (steps_ == 0) let_home(sleeper);
    if (until != kForever && pick_(2) == 0) now_ = std::max(now_, until);
    pair_.look();
    lock.lock();
  }

  // At the end of the walk: so that the sleeper finds what it waits for.
  void let_home(const Frame& sleeper) {
    pair_.close();
    pair_.finish_all();
    while (sleeper.watches && !pair_.reference().waiting().empty()) {
      pair_.cancel(pair_.reference().waiting().front().ticket);
    }
  }

  void end() {
    pair_.finish_all();
    if (pick_(2) == 0) {
      pair_.close();
      while (!pair_.reference().waiting().empty()) {
        take_as(0);
        if (pair_.holds_any()) pair_.finish();
      }
      take_as(0);
      watch();
      pair_.queue().await_drained();
    }
    pair_.destroy();
  }

  const Pick pick_;
  std::size_t steps_;
  TimePoint now_{std::chrono::hours(1)};
  std::vector<Frame> frames_;
  QueuePair pair_;
};

}  // namespace muster::testing
