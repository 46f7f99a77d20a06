// SPDX-License-Identifier: Apache-2.0
#include "python/src/queue/bell.h"

#include <cstdint>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace muster::python {

std::shared_ptr<Bell> Bell::make() {
  const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) return nullptr;
  return std::shared_ptr<Bell>(new Bell(descriptor));
}

Bell::~Bell() {
  ::close(descriptor_);
}

void Bell::ring(BellListener& listener) noexcept {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = first_ == nullptr;
    listener.next_ = nullptr;
    (first ? first_ : last_->next_) = &listener;
    last_ = &listener;
  }
  if (first) AnswerBurst::wake_at_end(shared_from_this());
}

void Bell::wake_up() noexcept {
  const std::uint64_t one = 1;
  // It cannot fail but for a full counter, which is readable, too.
  [[maybe_unused]] const auto written = ::write(descriptor_, &one, sizeof one);
}

void Bell::wait_for(std::chrono::milliseconds limit) const {
  pollfd readable{descriptor_, POLLIN, 0};
  ::poll(&readable, 1, static_cast<int>(limit.count()));
}

BellListener* Bell::answer() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(descriptor_, &count, sizeof count);
  const std::lock_guard lock(mutex_);
  last_ = nullptr;
  return std::exchange(first_, nullptr);
}

void Bell::forget(BellListener& listener) noexcept {
  const std::lock_guard lock(mutex_);
  BellListener* previous = nullptr;
  for (BellListener* one = first_; one != nullptr; previous = one, one = one->next_) {
    if (one != &listener) continue;
    (previous != nullptr ? previous->next_ : first_) = one->next_;
    if (last_ == one) last_ = previous;
    return;
  }
}

}  // namespace muster::python
