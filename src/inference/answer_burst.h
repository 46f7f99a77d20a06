// SPDX-License-Identifier: Apache-2.0
// AnswerBurst: answers that one thread gives right after each other, as those of a batch.
//
// Whoever has to wake a thread for an answer does so once, at the end: woken by the first, it would
// often take the core from the one that still answers, and sleep again before the second.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

namespace muster {

// Lasts as long as it lives, on the thread that made it.
class AnswerBurst {
 public:
  class Sleeper {
   public:
    virtual void wake_up() noexcept = 0;

   protected:
    ~Sleeper() = default;
  };

  AnswerBurst() noexcept;
  AnswerBurst(const AnswerBurst&) = delete;
  AnswerBurst& operator=(const AnswerBurst&) = delete;
  ~AnswerBurst();

  // For completions: wakes at the end of the calling thread's burst, or now where it has none.
  // Twice the same is once.
  static void wake_at_end(std::shared_ptr<Sleeper> sleeper) noexcept;

 private:
  // As many transport threads as most servers have; more are woken at once.
  static constexpr std::size_t kMaxSleepers = 8;

  AnswerBurst* const outer_;
  std::array<std::shared_ptr<Sleeper>, kMaxSleepers> sleepers_;
  std::size_t count_ = 0;
};

}  // namespace muster
