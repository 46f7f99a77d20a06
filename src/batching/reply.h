// SPDX-License-Identifier: Apache-2.0
// Reply: where a request's outcome goes, either a Completion or a thread that blocks for it.
//
// BlockingCall is that thread's place to wait. A batch answers many of them at once, and waking one
// costs its worker microseconds of system call; so the worker wakes the first only, and every
// thread that wakes wakes the next before it goes its way.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <muster/inference.h>

namespace muster {

// One per thread that blocks, reused for its next call and never freed: a late wake-up meant for an
// earlier call finds it alive and does no harm. Call order: begin answer wait.
class BlockingCall {
 public:
  // The calling thread's.
  static BlockingCall& of_this_thread();

  void begin() noexcept;
  // Sleeps until answered; wakes the others that depend on it.
  [[nodiscard]] Result<InferResponse> wait();

  // Answers one call, and wakes it. Any thread, once per begin.
  void answer(Result<InferResponse> outcome) noexcept;
  // Answers many: outcomes[i] goes to calls[i].
  static void answer_all(std::span<BlockingCall* const> calls,
                         std::span<Result<InferResponse>> outcomes) noexcept;

 private:
  enum State : std::uint32_t { kWaiting, kSleeping, kAnswered, kAnsweredAsleep };

  void publish() noexcept;
  void wake() noexcept;

  std::atomic<std::uint32_t> state_{kAnswered};
  std::optional<Result<InferResponse>> outcome_;
  BlockingCall* next_ = nullptr;  // woken by this one
};

// Move-only; unanswered at its end, it answers kUnavailable.
class Reply {
 public:
  Reply() noexcept = default;  // to nobody
  explicit Reply(Completion completion) noexcept : completion_(std::move(completion)) {}
  explicit Reply(BlockingCall& call) noexcept : call_(&call) {}
  Reply(Reply&& other) noexcept
      : completion_(std::move(other.completion_)), call_(std::exchange(other.call_, nullptr)) {}
  // An unanswered one is answered before it is replaced.
  Reply& operator=(Reply&& other) noexcept;
  ~Reply();

  void answer(Result<InferResponse> outcome) noexcept;
  // The blocked thread, which the caller answers now instead; null where it is a completion.
  [[nodiscard]] BlockingCall* release_call() noexcept { return std::exchange(call_, nullptr); }

 private:
  Completion completion_;
  BlockingCall* call_ = nullptr;
};

}  // namespace muster
