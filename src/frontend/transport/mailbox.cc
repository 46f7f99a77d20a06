// SPDX-License-Identifier: Apache-2.0
#include "frontend/transport/mailbox.h"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <sys/eventfd.h>
#include <unistd.h>

namespace muster {
namespace {

int open_bell() {
  const int file = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (file < 0) throw std::system_error(errno, std::system_category(), "eventfd");
  return file;
}

void delete_all(Letter* letter) noexcept {
  while (letter != nullptr) {
    Letter* const next = letter->next;
    delete letter;
    letter = next;
  }
}

}  // namespace

Mailbox::Mailbox() : bell_(open_bell()) {}

Mailbox::~Mailbox() {
  close();
}

void Mailbox::push(Letter* letter) noexcept {
  // Acquires: whoever closed it may have looked at the letter until then, which is deleted here.
  Letter* first = letters_.load(std::memory_order_acquire);
  do {
    if (first == &closed_) {
      delete letter;
      return;
    }
    letter->next = first;
  } while (!letters_.compare_exchange_weak(first, letter, std::memory_order_seq_cst,
                                           std::memory_order_acquire));
  // Only who finds it empty: the others' letters are behind one whose sender looked here.
  if (first == nullptr && asleep_.load(std::memory_order_seq_cst)) {
    AnswerBurst::wake_at_end(shared_from_this());
  }
}

void Mailbox::wake_up() noexcept {
  if (asleep_.load(std::memory_order_seq_cst) && !empty()) wake();
}

void Mailbox::wake() noexcept {
  const std::uint64_t once = 1;
  // It can only fail where it would be the 2^64th that nobody heard.
  [[maybe_unused]] const ssize_t written = ::write(bell_.get(), &once, sizeof(once));
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

}  // namespace muster
