// SPDX-License-Identifier: Apache-2.0
#include "python/src/call.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace muster::python {

std::shared_ptr<LoopBell> LoopBell::make() {
  const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) return nullptr;
  return std::shared_ptr<LoopBell>(new LoopBell(descriptor));
}

LoopBell::~LoopBell() {
  ::close(descriptor_);
}

void LoopBell::ring(std::shared_ptr<Call> call) noexcept {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = done_.empty();
    done_.push_back(std::move(call));
  }
  if (!first) return;
  const std::uint64_t one = 1;
  // It cannot fail but for a full counter, which is readable, too.
  [[maybe_unused]] const auto written = ::write(descriptor_, &one, sizeof one);
}

std::vector<std::shared_ptr<Call>> LoopBell::answer() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(descriptor_, &count, sizeof count);
  std::vector<std::shared_ptr<Call>> done;
  const std::lock_guard lock(mutex_);
  done.swap(done_);
  return done;
}

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

void Slots::remove(Call& call) {
  {
    const std::lock_guard lock(mutex_);
    unlink(call);
  }
  freed_.notify_one();
}

void Slots::unlink(Call& call) {
  --size_;
  (call.previous_ != nullptr ? call.previous_->next_ : first_) = call.next_;
  if (call.next_ != nullptr) call.next_->previous_ = call.previous_;
  call.next_ = call.previous_ = nullptr;
}

void Slots::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  freed_.notify_all();
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
  std::vector<std::shared_ptr<LoopBell>> bells;
  {
    const std::lock_guard lock(mutex_);
    outcome_.emplace(std::move(outcome));
    done_.store(true, std::memory_order_release);
    bells.swap(bells_);
  }
  // Without the mutex, which who wakes wants first of all. Whoever completes keeps the call alive.
  changed_.notify_all();
  for (const std::shared_ptr<LoopBell>& bell : bells)
    bell->ring(shared_from_this());
}

bool Call::wait_for(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return done(); });
}

void Call::ring(std::shared_ptr<LoopBell> bell) {
  {
    const std::lock_guard lock(mutex_);
    if (!done()) {
      if (std::ranges::find(bells_, bell) == bells_.end()) bells_.push_back(std::move(bell));
      return;
    }
  }
  bell->ring(shared_from_this());
}

}  // namespace muster::python
