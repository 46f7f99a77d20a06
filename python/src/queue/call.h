// SPDX-License-Identifier: Apache-2.0
// Call: one request of a batcher, from its submission to its outcome. Native through and through:
// workers complete it without the interpreter's lock.
//
//   Slots::add  (infer)  complete          by the batcher, and a worker
//   wait_for, or ring                      by whoever waits: a thread, or an event loop
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include <muster/inference.h>
#include <muster/tensor.h>

#include "python/src/queue/bell.h"
#include "python/src/queue/turnstile.h"

namespace muster::python {

class Call;

// Room for the calls of a batcher, and all that are under way.
class Slots {
 public:
  explicit Slots(std::size_t limit) : limit_(limit), turnstile_(std::make_shared<Turnstile>()) {}

  // Spare rooms for the bytes of requests that are kept, of all together.
  static constexpr std::size_t kSpareBytes = std::size_t{4} << 20;

  // False: full, or closed.
  [[nodiscard]] bool try_add(Call& call);
  // The same after at most so long; false too where it is still full.
  [[nodiscard]] bool add_within(Call& call, std::chrono::milliseconds limit);
  // So many bytes for the call, until it is removed: a room that another has left, if there is one.
  [[nodiscard]] Result<std::span<std::byte>> make_room(Call& call, std::size_t size);
  void remove(Call& call) noexcept;
  // Nothing is added any more.
  void close();
  [[nodiscard]] bool closed() const;
  // The tickets of all that are under way.
  [[nodiscard]] std::vector<RequestTicket> tickets() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  // Which threads that wait for these calls go through.
  [[nodiscard]] Turnstile& turnstile() const noexcept { return *turnstile_; }
  [[nodiscard]] const std::shared_ptr<Turnstile>& shared_turnstile() const noexcept {
    return turnstile_;
  }

 private:
  void link(Call& call);
  void unlink(Call& call) noexcept;
  [[nodiscard]] Buffer take_spare(std::size_t size);
  void keep_spare(Buffer room) noexcept;

  const std::size_t limit_;
  const std::shared_ptr<Turnstile> turnstile_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  Call* first_ = nullptr;  // guarded by mutex_, as what is below
  std::size_t size_ = 0;
  std::vector<Buffer> spare_;  // the one that was left last is taken first: it is in the caches
  std::size_t spare_bytes_ = 0;
  bool closed_ = false;
};

class Call final : public Turnstile::Sleeper, public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<Slots> slots, bool is_a_row)
      : slots_(std::move(slots)), ticket_(new_ticket()), is_a_row_(is_a_row) {}

  [[nodiscard]] RequestTicket ticket() const noexcept { return ticket_; }
  // Its outputs are given without the batch axis.
  [[nodiscard]] bool is_a_row() const noexcept { return is_a_row_; }

  // Once, by any thread. It is in the slots, and leaves them.
  void complete(Result<InferResponse> outcome) noexcept;
  [[nodiscard]] bool done() const noexcept { return done_.load(std::memory_order_acquire); }
  // True when it is done. Without the interpreter's lock.
  bool wait_for(std::optional<std::chrono::milliseconds> limit);
  // Rings the listener's bell with it when this is done, at once if it is already. The listener
  // stays where it is until its bell has given it back, or it was forgotten.
  void ring(BellListener& listener);
  // Ends that: its bell is not rung with it any more, and gives it to nobody.
  void forget(BellListener& listener) noexcept;
  // Of one that is done.
  [[nodiscard]] const Result<InferResponse>& outcome() const { return *outcome_; }

 private:
  friend class Slots;

  // A thread that waits, on its stack.
  struct Waiter {
    Waiter* next = nullptr;
    std::uint64_t turn = 0;
    std::atomic<std::uint32_t> woken{0};  // what it sleeps on; after 1 it is gone
  };

  bool wake(std::uint64_t turn) noexcept override;
  [[nodiscard]] bool leave(Waiter& waiter) noexcept;

  const std::shared_ptr<Slots> slots_;
  const RequestTicket ticket_;
  const bool is_a_row_;
  std::atomic<bool> done_{false};
  std::mutex mutex_;
  std::optional<Result<InferResponse>> outcome_;  // written before done_
  Waiter* waiters_ = nullptr;                     // guarded by mutex_, as what is below
  BellListener* listeners_ = nullptr;
  Buffer room_;  // of the request's bytes, while it is under way
  // Of the slots, under their mutex.
  Call* next_ = nullptr;
  Call* previous_ = nullptr;
};

}  // namespace muster::python
