// SPDX-License-Identifier: Apache-2.0
#include "frontend/transport/transport_loop.h"

#include <chrono>
#include <exception>
#include <string_view>
#include <thread>
#include <utility>

#include <pthread.h>

#include "base/log.h"

namespace muster {
namespace {

// Events handled before the round's requests are handed in: those of a burst, but no more than keep
// a waiting worker waiting for long.
constexpr std::size_t kMaxEventsARound = 128;
// Who waits for events no longer than that has not slept: they were there.
constexpr std::chrono::microseconds kAtOnce{20};
// For so long after a refusal others are to be expected.
constexpr std::chrono::milliseconds kRefusalsGoOn{50};
// Where so many sources had something at once, there is nothing to wait for.
constexpr std::size_t kCrowd = 16;
// The grain of all time limits of connections.
constexpr std::chrono::milliseconds kTick{100};

template <typename Step>
void guard(Step step) noexcept {
  try {
    step();
  } catch (const std::exception& failure) {
    log(LogLevel::kError, std::string_view(failure.what()));
  }
}

// One that throws takes none of the others with it.
void run_each(const std::vector<std::function<void()>>& tasks) noexcept {
  for (const auto& task : tasks)
    guard(task);
}

}  // namespace

TransportLoop::TransportLoop(Clock& clock, const char* name,
                             std::chrono::microseconds refusal_pause, Counter& pauses)
    : clock_(clock),
      name_(name),
      mailbox_(std::make_shared<Mailbox>()),
      refusal_pause_(refusal_pause),
      pauses_(pauses),
      pauses_until_(clock.now()),
      now_(clock.now()),
      came_after_(now_) {
  events_.watch(mailbox_->bell(), EPOLLIN | EPOLLET, *this);
  events_.watch(tick_.alarm.descriptor(), EPOLLIN | EPOLLET, tick_);
}

TransportLoop::~TransportLoop() {
  end();
}

void TransportLoop::start(User& user) {
  user_ = &user;
  thread_ = std::thread([this] { run(); });
}

void TransportLoop::end() noexcept {
  ending_.store(true, std::memory_order_relaxed);
  if (!thread_.joinable()) return;
  mailbox_->wake();
  thread_.join();
}

void TransportLoop::post(std::function<void()> task) {
  {
    const MutexLock lock(tasks_mutex_);
    tasks_.push_back(std::move(task));
    has_tasks_.store(true, std::memory_order_relaxed);
  }
  mailbox_->wake();
}

void TransportLoop::post_at_tick(std::function<void()> task) {
  at_tick_.push_back(std::move(task));
  wake_ticks();
}

void TransportLoop::run() noexcept {
  pthread_setname_np(pthread_self(), name_);
  while (!is_ending())
    guard([this] { run_round(); });
}

void TransportLoop::run_round() {
  look();
  take_events();
  run_tasks();
  // A refusal comes home at once, and an answer may let the next request of its connection be read.
  do {
    open_letters();
    // Answers go out before requests are handed in: who is answered may ask again, and be in the
    // batch of those who wait.
    user_->end_round();
    depart();
    user_->end_round();
  } while (!mailbox_->empty() || !departing_.empty());
}

TimePoint TransportLoop::pause() noexcept {
  const TimePoint now = clock_.now();
  const TimePoint next = now_ + refusal_pause_;
  paused_ = false;
  if (now >= pauses_until_ || now >= next || told_ >= kCrowd) return now;
  // Whoever has more to move is not made to wait for those who are refused.
  if (stays_awake_ || events_.has_deferred() || is_ending()) return now;
  paused_ = true;
  pauses_.add();
  std::this_thread::sleep_for(next - now);
  return clock_.now();
}

void TransportLoop::look() {
  const TimePoint before = pause();
  const bool sleeps =
      !std::exchange(stays_awake_, false) && mailbox_->run_asleep([&] { events_.sleep(); });
  if (!sleeps) events_.look();
  const TimePoint last = std::exchange(now_, clock_.now());
  came_after_ = !sleeps || now_ - before < kAtOnce ? last : now_;
}

// Until nothing is left, as what came in one burst goes on in one; once all connections had their
// turn, there is nothing to look for.
void TransportLoop::take_events() {
  std::size_t told = events_.tell();
  for (std::size_t last = told;
       last > 0 && told < user_->source_count() && told < kMaxEventsARound;) {
    events_.look();
    last = events_.tell();
    told += last;
  }
  told_ = told;
}

void TransportLoop::run_tasks() {
  if (!has_tasks_.load(std::memory_order_relaxed)) return;
  std::vector<std::function<void()>> tasks;
  {
    const MutexLock lock(tasks_mutex_);
    tasks.swap(tasks_);
    has_tasks_.store(false, std::memory_order_relaxed);
  }
  run_each(tasks);
}

void TransportLoop::open_letters() {
  for (Letter* letter = mailbox_->take_all(); letter != nullptr;) {
    Letter& opened = *letter;
    letter = letter->next;
    guard([&] { opened.open(); });
  }
}

void TransportLoop::depart() {
  leaving_.clear();
  std::swap(leaving_, departing_);
  for (Departure* departure : leaving_)
    guard([&] { departure->depart(); });
  // What is refused after a pause may be refused because of it: only without one it tells that
  // there is too much.
  if (burst_.end() && !paused_) pauses_until_ = now_ + kRefusalsGoOn;
}

void TransportLoop::schedule_tick() noexcept {
  ticking_ = (user_->needs_ticks() || !at_tick_.empty()) && !is_ending();
  if (ticking_) tick_.alarm.set(kTick);
}

void TransportLoop::Tick::ready(std::uint32_t) noexcept {
  loop.tick();
}

void TransportLoop::tick() {
  guard([this] { user_->tick(now()); });
  run_each(std::exchange(at_tick_, {}));
  schedule_tick();
}

}  // namespace muster
