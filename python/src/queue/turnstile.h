// SPDX-License-Identifier: Apache-2.0
// Turnstile: lets threads whose calls are done go back to Python one after the other.
//
// Each of them wants the interpreter's lock next. Woken all at once they would wake only to wait
// for it, and each would sleep and be woken twice. So one is woken, and has the turn; when it
// leaves the lock again, to wait for its next call, say, it wakes the next (Turn::pass).
//
// A thread may do something else with its turn, such as to write to a socket, without the lock and
// without passing the turn on: those behind it would wait for nothing. So a turn counts as long
// that is not over within kShort, and is taken away after kPatience; where too many are long the
// turnstile stands open, longer each time, and all are woken at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "inference/answer_burst.h"

namespace muster::python {

class Turnstile final : public AnswerBurst::Sleeper,
                        public std::enable_shared_from_this<Turnstile> {
 public:
  static constexpr std::size_t kFew = 3;  // so many are woken at once, and have no turns
  static constexpr std::chrono::microseconds kShort{50};
  static constexpr std::chrono::milliseconds kPatience{1};
  static constexpr int kMostLong = 8;  // more long turns than short ones, and it opens
  static constexpr std::chrono::milliseconds kLeastOpen{100};
  static constexpr std::chrono::milliseconds kMostOpen{10'000};

  // What threads sleep on.
  class Sleeper {
   public:
    // Wakes them; false: nobody sleeps there. `turn` is for Turn::take by the woken; 0 = none.
    virtual bool wake(std::uint64_t turn) noexcept = 0;

   protected:
    ~Sleeper() = default;
  };

  Turnstile() = default;
  ~Turnstile();
  Turnstile(const Turnstile&) = delete;
  Turnstile& operator=(const Turnstile&) = delete;

  // Has those who sleep there woken when it is their turn. Of the answers of one batch, after the
  // last.
  void queue_up(std::shared_ptr<Sleeper> sleeper) noexcept;
  void wake_up() noexcept override;
  // This turn is over: the next one's begins.
  void pass(std::uint64_t turn) noexcept;
  // From now on nobody waits for a turn.
  void open_for_good() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  // Under the mutex.
  void end_turn(Clock::time_point now);
  void begin_turn(Clock::time_point now);
  void judge(bool is_long, Clock::time_point now);
  void wake_all();
  void need_watcher();
  void watch();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Sleeper>> waiting_;  // guarded by mutex_, as all below
  std::uint64_t turn_ = 0;
  bool is_taken_ = false;  // somebody has that turn
  Clock::time_point begun_{};
  int long_ones_ = 0;
  std::chrono::milliseconds next_open_ = kLeastOpen;
  Clock::time_point open_until_{};
  bool open_ = false;      // for good
  bool watching_ = false;  // the watcher will look by itself
  std::thread watcher_;
};

// The turn of the calling thread.
class Turn {
 public:
  static void take(std::shared_ptr<Turnstile> turnstile, std::uint64_t turn) noexcept;
  // Where it has one. For whoever leaves the interpreter's lock; a thread that ends does it, too.
  static void pass() noexcept;
};

}  // namespace muster::python
