// SPDX-License-Identifier: Apache-2.0
// Call: one request of a batcher, from its submission to its outcome. Native through and through:
// workers complete it without the interpreter's lock.
//
//   Slots::add  (infer)  complete          by the batcher, and a worker
//   wait_for* take, or ring                by whoever waits: a thread, or an event loop
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <muster/inference.h>

namespace muster::python {

class Call;

// The bell of an event loop: a file descriptor that becomes readable when calls are done, once for
// however many are done until the loop looks.
class LoopBell {
 public:
  // Null: the system has no descriptor left.
  static std::shared_ptr<LoopBell> make();
  ~LoopBell();
  LoopBell(const LoopBell&) = delete;
  LoopBell& operator=(const LoopBell&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  // Any thread.
  void ring(std::shared_ptr<Call> call) noexcept;
  // Those that were rung for since the last time. The loop's thread.
  [[nodiscard]] std::vector<std::shared_ptr<Call>> answer();

 private:
  explicit LoopBell(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Call>> done_;  // guarded by mutex_
};

// Room for the calls of a batcher, and all that are under way.
class Slots {
 public:
  explicit Slots(std::size_t limit) : limit_(limit) {}

  // False: full, or closed.
  [[nodiscard]] bool try_add(Call& call);
  // The same after at most so long; false too where it is still full.
  [[nodiscard]] bool add_within(Call& call, std::chrono::milliseconds limit);
  void remove(Call& call);
  // Nothing is added any more.
  void close();
  [[nodiscard]] bool closed() const;
  // The tickets of all that are under way.
  [[nodiscard]] std::vector<RequestTicket> tickets() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

 private:
  void link(Call& call);
  void unlink(Call& call);

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  Call* first_ = nullptr;  // guarded by mutex_, as what is below
  std::size_t size_ = 0;
  bool closed_ = false;
};

class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<Slots> slots, bool is_a_row)
      : slots_(std::move(slots)), ticket_(new_ticket()), is_a_row_(is_a_row) {}

  [[nodiscard]] RequestTicket ticket() const noexcept { return ticket_; }
  // Its outputs are given without the batch axis.
  [[nodiscard]] bool is_a_row() const noexcept { return is_a_row_; }

  // Once, by any thread. It is in the slots, and leaves them.
  void complete(Result<InferResponse> outcome) noexcept;
  [[nodiscard]] bool done() const noexcept { return done_.load(std::memory_order_acquire); }
  // True when it is done.
  bool wait_for(std::chrono::milliseconds limit);
  // Rings when it is done, at once if it is already.
  void ring(std::shared_ptr<LoopBell> bell);
  // Of one that is done.
  [[nodiscard]] const Result<InferResponse>& outcome() const { return *outcome_; }

 private:
  friend class Slots;

  const std::shared_ptr<Slots> slots_;
  const RequestTicket ticket_;
  const bool is_a_row_;
  std::atomic<bool> done_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Result<InferResponse>> outcome_;  // written before done_
  std::vector<std::shared_ptr<LoopBell>> bells_;  // guarded by mutex_; each once
  // Of the slots, under their mutex.
  Call* next_ = nullptr;
  Call* previous_ = nullptr;
};

}  // namespace muster::python
