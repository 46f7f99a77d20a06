// SPDX-License-Identifier: Apache-2.0
#include "python/src/queue/turnstile.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "python/src/exit.h"

namespace muster::python {
namespace {

struct TurnOfThread {
  TurnOfThread() = default;
  TurnOfThread(const TurnOfThread&) = delete;
  TurnOfThread& operator=(const TurnOfThread&) = delete;
  ~TurnOfThread() { pass(); }

  void pass() noexcept {
    if (!turnstile) return;
    const std::shared_ptr<Turnstile> last = std::move(turnstile);
    if (forks == fork_count()) return last->pass(turn);
    // In a child of the process that it is of: its mutex may be held for ever.
    new std::shared_ptr<Turnstile>(last);
  }

  std::shared_ptr<Turnstile> turnstile;
  std::uint64_t turn = 0;
  std::uint64_t forks = 0;
};
thread_local TurnOfThread turn_of_thread;

}  // namespace

void Turn::take(std::shared_ptr<Turnstile> turnstile, std::uint64_t turn) noexcept {
  turn_of_thread.pass();
  turn_of_thread.turnstile = std::move(turnstile);
  turn_of_thread.turn = turn;
  turn_of_thread.forks = fork_count();
}

void Turn::pass() noexcept {
  turn_of_thread.pass();
}

Turnstile::~Turnstile() {
  open_for_good();
  if (watcher_.joinable()) watcher_.join();
}

void Turnstile::queue_up(std::shared_ptr<Sleeper> sleeper) noexcept {
  {
    const std::lock_guard lock(mutex_);
    try {
      waiting_.push_back(std::move(sleeper));
    } catch (const std::bad_alloc&) {
      sleeper->wake(0);
      return;
    }
  }
  AnswerBurst::wake_at_end(shared_from_this());
}

void Turnstile::wake_up() noexcept {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return;
  const Clock::time_point now = Clock::now();
  if (is_taken_ && now - begun_ > kShort) end_turn(now);
  if (is_taken_) return need_watcher();
  const bool few = waiting_.size() <= kFew;
  if (few || open_ || now < open_until_) return wake_all();
  begin_turn(now);
}

void Turnstile::pass(std::uint64_t turn) noexcept {
  const std::lock_guard lock(mutex_);
  if (!is_taken_ || turn != turn_) return;
  const Clock::time_point now = Clock::now();
  end_turn(now);
  if (now < open_until_) return wake_all();
  begin_turn(now);
}

void Turnstile::end_turn(Clock::time_point now) {
  is_taken_ = false;
  judge(now - begun_ > kShort, now);
}

void Turnstile::judge(bool is_long, Clock::time_point now) {
  if (!is_long) {
    long_ones_ = std::max(0, long_ones_ - 1);
    if (long_ones_ == 0) next_open_ = kLeastOpen;
    return;
  }
  if (++long_ones_ < kMostLong) return;
  open_until_ = now + next_open_;
  next_open_ = std::min(next_open_ * 2, kMostOpen);
  long_ones_ = kMostLong / 2;
}

void Turnstile::begin_turn(Clock::time_point now) {
  while (!waiting_.empty()) {
    const std::shared_ptr<Sleeper> next = std::move(waiting_.front());
    waiting_.pop_front();
    if (!next->wake(++turn_)) continue;
    is_taken_ = true;
    begun_ = now;
    if (!waiting_.empty()) need_watcher();
    return;
  }
}

void Turnstile::wake_all() {
  for (const std::shared_ptr<Sleeper>& sleeper : waiting_)
    sleeper->wake(0);
  waiting_.clear();
}

void Turnstile::open_for_good() noexcept {
  const std::lock_guard lock(mutex_);
  open_ = true;
  is_taken_ = false;
  wake_all();
  changed_.notify_all();
}

void Turnstile::need_watcher() {
  if (watching_) return;
  watching_ = true;
  if (watcher_.joinable()) return changed_.notify_one();
  try {
    watcher_ = std::thread([this] { watch(); });
  } catch (const std::exception&) {
    // Without it turns could last for ever.
    open_ = true;
    wake_all();
  }
}

void Turnstile::watch() {
  std::unique_lock lock(mutex_);
  while (!open_) {
    if (!is_taken_ || waiting_.empty()) {
      watching_ = false;
      changed_.wait(lock, [this] { return open_ || watching_; });
      continue;
    }
    const std::uint64_t turn = turn_;
    const auto is_over = [this, turn] { return open_ || !is_taken_ || turn_ != turn; };
    // Nobody tells of turns that pass: that is seen when the time is over.
    if (changed_.wait_for(lock, kPatience, is_over) || waiting_.empty()) continue;
    const Clock::time_point now = Clock::now();
    end_turn(now);
    wake_all();
  }
}

}  // namespace muster::python
