// SPDX-License-Identifier: Apache-2.0
#include "python/src/queue/call.h"

#include <ctime>
#include <new>
#include <utility>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace muster::python {
namespace {

using Word = std::atomic<std::uint32_t>;

// As long as it is 0, or the limit; perhaps shorter. std::atomic::wait knows no limit, and yields
// the processor several times before it sleeps.
void sleep_on(Word& word, std::optional<std::chrono::milliseconds> limit) noexcept {
  timespec time{};
  if (limit) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*limit);
    time = {seconds.count(), std::chrono::nanoseconds(*limit - seconds).count()};
  }
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, limit ? &time : nullptr, nullptr, 0);
}

// Who sleeps there may go on before the second step, which then wakes nobody, or somebody who looks
// again: the system reads the address alone.
void wake_from(Word& word) noexcept {
  word.store(1, std::memory_order_release);
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace

void Slots::link(Call& call) {
  ++size_;
  call.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &call;
  first_ = &call;
}

bool Slots::try_add(Call& call) {
  const std::lock_guard lock(mutex_);
  if (closed_ || size_ >= limit_) return false;
  link(call);
  return true;
}

bool Slots::add_within(Call& call, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  freed_.wait_for(lock, limit, [this] { return closed_ || size_ < limit_; });
  if (closed_ || size_ >= limit_) return false;
  link(call);
  return true;
}

Result<std::span<std::byte>> Slots::make_room(Call& call, std::size_t size) {
  call.room_ = take_spare(size);
  if (call.room_.size() < size) {
    MUSTER_ASSIGN_OR_RETURN(call.room_, Buffer::allocate(size));
  }
  return call.room_.bytes().first(size);
}

Buffer Slots::take_spare(std::size_t size) {
  const std::lock_guard lock(mutex_);
  // Others are for requests of another size, and of no use any more.
  while (!spare_.empty()) {
    Buffer room = std::move(spare_.back());
    spare_.pop_back();
    spare_bytes_ -= room.size();
    if (room.size() >= size && room.size() / 2 <= size) return room;
  }
  return {};
}

void Slots::keep_spare(Buffer room) noexcept {
  if (room.size() == 0 || spare_bytes_ + room.size() > kSpareBytes) return;
  const std::size_t size = room.size();
  try {
    spare_.push_back(std::move(room));
    spare_bytes_ += size;
  } catch (const std::bad_alloc&) {
    return;
  }
}

void Slots::remove(Call& call) noexcept {
  {
    const std::lock_guard lock(mutex_);
    unlink(call);
    keep_spare(std::move(call.room_));
  }
  freed_.notify_one();
}

void Slots::unlink(Call& call) noexcept {
  --size_;
  (call.previous_ != nullptr ? call.previous_->next_ : first_) = call.next_;
  if (call.next_ != nullptr) call.next_->previous_ = call.previous_;
  call.next_ = call.previous_ = nullptr;
}

void Slots::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    freed_.notify_all();
  }
  turnstile_->open_for_good();
}

bool Slots::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::vector<RequestTicket> Slots::tickets() const {
  std::vector<RequestTicket> tickets;
  const std::lock_guard lock(mutex_);
  for (const Call* call = first_; call != nullptr; call = call->next_)
    tickets.push_back(call->ticket_);
  return tickets;
}

std::size_t Slots::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

void Call::complete(Result<InferResponse> outcome) noexcept {
  slots_->remove(*this);
  bool has_waiters = false;
  {
    const std::lock_guard lock(mutex_);
    outcome_.emplace(std::move(outcome));
    done_.store(true, std::memory_order_release);
    has_waiters = waiters_ != nullptr;
    // Under the mutex, so that they can be forgotten at any time.
    while (listeners_ != nullptr) {
      BellListener* const listener = listeners_;
      listeners_ = listener->next_;
      listener->bell_->ring(*listener);
    }
  }
  if (has_waiters) slots_->turnstile().queue_up(shared_from_this());
}

bool Call::wake(std::uint64_t turn) noexcept {
  Waiter* waiter = nullptr;
  {
    const std::lock_guard lock(mutex_);
    waiter = std::exchange(waiters_, nullptr);
  }
  if (waiter == nullptr) return false;
  // Of several who wait here one has the turn.
  waiter->turn = turn;
  while (waiter != nullptr) {
    Waiter* const next = waiter->next;
    wake_from(waiter->woken);
    waiter = next;
  }
  return true;
}

// False: somebody is about to wake it.
bool Call::leave(Waiter& waiter) noexcept {
  const std::lock_guard lock(mutex_);
  for (Waiter** place = &waiters_; *place != nullptr; place = &(*place)->next) {
    if (*place != &waiter) continue;
    *place = waiter.next;
    return true;
  }
  return false;
}

bool Call::wait_for(std::optional<std::chrono::milliseconds> limit) {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    if (done()) return true;
    waiter.next = std::exchange(waiters_, &waiter);
  }
  sleep_on(waiter.woken, limit);
  if (waiter.woken.load(std::memory_order_acquire) == 0 && leave(waiter)) return done();
  while (waiter.woken.load(std::memory_order_acquire) == 0)
    sleep_on(waiter.woken, std::nullopt);
  if (waiter.turn != 0) Turn::take(slots_->shared_turnstile(), waiter.turn);
  return done();
}

void Call::ring(BellListener& listener) {
  const std::lock_guard lock(mutex_);
  if (done()) return listener.bell_->ring(listener);
  listener.next_ = listeners_;
  listeners_ = &listener;
}

void Call::forget(BellListener& listener) noexcept {
  const std::lock_guard lock(mutex_);
  if (done()) return listener.bell_->forget(listener);
  BellListener** place = &listeners_;
  while (*place != nullptr && *place != &listener)
    place = &(*place)->next_;
  if (*place != nullptr) *place = listener.next_;
}

}  // namespace muster::python
