// SPDX-License-Identifier: Apache-2.0
// TransportLoop: a thread that moves bytes, and the rounds in which it works.
//
// In a round, what the sockets have is read and decoded, then all requests of the round are handed
// in together, so that a burst wakes a worker once; answers that came home meanwhile are encoded
// and written. Nothing on it waits for anything but its sockets, with one exception: while services
// refuse requests because too many wait, rounds begin a moment later, so that several are refused
// in one (docs/adr/0054).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <muster/inference.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "frontend/frontend_metrics.h"
#include "frontend/transport/event_loop.h"
#include "frontend/transport/mailbox.h"
#include "inference/burst.h"

namespace muster {

class TransportLoop final : private EventSource {
 public:
  // At the end of a round, within its burst.
  class Departure {
   public:
    virtual void depart() = 0;

   protected:
    ~Departure() = default;
  };
  // Whose loop it is: connections and their calls. On the loop's thread.
  class User {
   public:
    // What came has been taken and letters have been opened, or requests have been handed in:
    // writes.
    virtual void end_round() = 0;
    // About ten times a second, as long as `needs_ticks`.
    virtual void tick(TimePoint now) = 0;
    [[nodiscard]] virtual bool needs_ticks() const noexcept = 0;
    // How many sources may have something in one round.
    [[nodiscard]] virtual std::size_t source_count() const noexcept = 0;

   protected:
    ~User() = default;
  };

  // `name` is the thread's, at most 15 bytes. `refusal_pause`: how long after the last round one
  // begins at the soonest, while requests are refused; 0 = at once. `pauses` counts those that
  // began later for it, and outlives the loop.
  TransportLoop(Clock& clock, const char* name, std::chrono::microseconds refusal_pause,
                Counter& pauses);
  TransportLoop(const TransportLoop&) = delete;
  TransportLoop& operator=(const TransportLoop&) = delete;
  ~TransportLoop();  // after `end`, or where it was never started

  // Runs from here on. `user` stays until `end`.
  void start(User& user);
  // Any other thread: returns when the loop's has ended.
  void end() noexcept;
  // After `end`, both: letters that are there and those that come are thrown away; what was posted
  // and not run is run.
  void close_mailbox() noexcept { mailbox_->close(); }
  void run_tasks();

  // Any thread: runs `task` on the loop's, soon.
  void post(std::function<void()> task);
  // Outlives the loop where letters are still to come.
  [[nodiscard]] const std::shared_ptr<Mailbox>& mailbox() const noexcept { return mailbox_; }

  // On the loop's thread alone, from here on; or after `end`.
  [[nodiscard]] EventLoop& events() noexcept { return events_; }
  // `departure` leaves at the end of this round, once. It stays until then.
  void depart_with_round(Departure& departure) { departing_.push_back(&departure); }
  // Of the requests that are handed in by this round's departures; it ends after them.
  [[nodiscard]] Burst& burst() noexcept { return burst_; }
  [[nodiscard]] TimePoint now() const noexcept { return now_; }  // when this round began
  // What this round was told of came after that: just now, or if it was there already when the
  // loop looked, at some time since it last did.
  [[nodiscard]] TimePoint came_after() const noexcept { return came_after_; }
  // Runs `task` about a tenth of a second from now.
  void post_at_tick(std::function<void()> task);
  // The user needs ticks from now on.
  void wake_ticks() noexcept {
    if (!ticking_) schedule_tick();
  }
  // The next round begins at once.
  void stay_awake() noexcept { stays_awake_ = true; }
  [[nodiscard]] bool is_ending() const noexcept { return ending_.load(std::memory_order_relaxed); }

 private:
  // The bell: what it rang for is looked for in every round.
  void ready(std::uint32_t events) noexcept override { static_cast<void>(events); }
  void run() noexcept;
  void run_round();
  // When the thread looks; later than it could while requests are refused.
  TimePoint pause() noexcept;
  void look();
  void take_events();
  void open_letters();
  void depart();
  void tick();
  void schedule_tick() noexcept;

  Clock& clock_;
  const char* const name_;
  const std::shared_ptr<Mailbox> mailbox_;
  Burst burst_;
  EventLoop events_;
  struct Tick final : EventSource {
    explicit Tick(TransportLoop& owner) noexcept : loop(owner) {}
    void ready(std::uint32_t events) noexcept override;
    TransportLoop& loop;
    Alarm alarm;
  } tick_{*this};
  User* user_ = nullptr;
  std::vector<Departure*> departing_;
  std::vector<Departure*> leaving_;
  bool stays_awake_ = false;
  const std::chrono::microseconds refusal_pause_;
  Counter& pauses_;
  TimePoint pauses_until_;
  bool paused_ = false;   // before this round
  std::size_t told_ = 0;  // sources in the last round, those twice that were told twice
  bool ticking_ = false;
  std::vector<std::function<void()>> at_tick_;
  Mutex tasks_mutex_;
  std::vector<std::function<void()>> tasks_ MUSTER_GUARDED_BY(tasks_mutex_);
  std::atomic<bool> has_tasks_{false};
  std::atomic<bool> ending_{false};
  TimePoint now_;
  TimePoint came_after_;
  std::thread thread_;
};

}  // namespace muster
