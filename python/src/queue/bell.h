// SPDX-License-Identifier: Apache-2.0
// Bell: how threads that complete calls tell one thread of Python's that some are done.
//
//   Call::ring(listener)   ring (by whoever completes)   answer (by the bell's thread)
#pragma once

#include <chrono>
#include <memory>
#include <mutex>

#include "inference/answer_burst.h"

namespace muster::python {

class Bell;

// Somebody who waits for a call, linked into the call's list and then into the bell's: no memory is
// wanted for either.
class BellListener {
 public:
  explicit BellListener(Bell& bell) : bell_(&bell) {}
  BellListener(const BellListener&) = delete;
  BellListener& operator=(const BellListener&) = delete;

 protected:
  ~BellListener() = default;

 private:
  friend class Bell;
  friend class Call;
  Bell* const bell_;
  BellListener* next_ = nullptr;
};

// A file descriptor that becomes readable when calls are done, once for however many are done until
// somebody looks. Of the answers of one batch, after the last.
class Bell final : public AnswerBurst::Sleeper, public std::enable_shared_from_this<Bell> {
 public:
  // Null: the system has no descriptor left.
  static std::shared_ptr<Bell> make();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  // Any thread.
  void ring(BellListener& listener) noexcept;
  void wake_up() noexcept override;
  // Blocks until it rings, at most so long.
  void wait_for(std::chrono::milliseconds limit) const;
  // The first of those that were rung for since the last time, in their order; next_of leads on.
  [[nodiscard]] BellListener* answer() noexcept;
  [[nodiscard]] static BellListener* next_of(const BellListener& listener) noexcept {
    return listener.next_;
  }
  // Takes one back that was rung for and not answered.
  void forget(BellListener& listener) noexcept;

 private:
  explicit Bell(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
  std::mutex mutex_;
  BellListener* first_ = nullptr;  // guarded by mutex_, as what is below
  BellListener* last_ = nullptr;
};

}  // namespace muster::python
