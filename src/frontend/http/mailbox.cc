// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/mailbox.h"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/post.hpp>

namespace muster {
namespace {

thread_local const Mailbox* own_mailbox = nullptr;

void delete_all(Letter* letter) noexcept {
  while (letter != nullptr) {
    Letter* const next = letter->next;
    delete letter;
    letter = next;
  }
}

}  // namespace

// Sockets and timers are used on one thread alone; only wake-ups come from others.
Mailbox::Mailbox() : io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO) {}

Mailbox::~Mailbox() {
  close();
}

void Mailbox::push(Letter* letter) noexcept {
  Letter* first = letters_.load(std::memory_order_relaxed);
  do {
    if (first == &closed_) {
      delete letter;
      return;
    }
    letter->next = first;
  } while (!letters_.compare_exchange_weak(first, letter, std::memory_order_acq_rel,
                                           std::memory_order_relaxed));
  if (first == nullptr && own_mailbox != this) wake();
}

void Mailbox::wake() noexcept {
  // One that is under way has not run yet, and letters are taken after it has. Both sides exchange,
  // so that it sees all that was done before the wake-up was left to it.
  if (waking_.exchange(true, std::memory_order_acq_rel)) return;
  boost::asio::post(io_, boost::asio::bind_allocator(WakeMemory<std::byte>(this), [this] {
                      waking_.exchange(false, std::memory_order_acq_rel);
                    }));
}

Letter* Mailbox::take_all() noexcept {
  Letter* newest = letters_.exchange(nullptr, std::memory_order_acq_rel);
  Letter* oldest = nullptr;
  while (newest != nullptr) {
    Letter* const next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

void Mailbox::close() noexcept {
  Letter* const first = letters_.exchange(&closed_, std::memory_order_acq_rel);
  if (first != &closed_) delete_all(first);
}

void Mailbox::belongs_to_this_thread() noexcept {
  own_mailbox = this;
}

}  // namespace muster
