// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/grpc_mailbox.h"

#include "base/check.h"

namespace muster {

void GrpcMailbox::send(GrpcLetter& letter) {
  GrpcLetter* newest = newest_.load(std::memory_order_relaxed);
  do {
    if (newest == &closed_) {
      letter.drop();
      return;
    }
    letter.next_ = newest == &asleep_ ? nullptr : newest;
  } while (!newest_.compare_exchange_weak(newest, &letter, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
  if (newest == &asleep_) wake_();
}

bool GrpcMailbox::open_all() {
  GrpcLetter* newest = newest_.exchange(nullptr, std::memory_order_acq_rel);
  return open_taken(newest);
}

bool GrpcMailbox::open_taken(GrpcLetter* newest) {
  if (newest == &asleep_) newest = nullptr;
  // Who replaced the mark calls `wake`, if need be a little later than this.
  else if (asleep_set_)
    wake_comes_ = true;
  asleep_set_ = false;
  if (newest == nullptr) return false;
  GrpcLetter* oldest = nullptr;
  while (newest != nullptr) {
    GrpcLetter* older = newest->next_;
    newest->next_ = oldest;
    oldest = newest;
    newest = older;
  }
  while (oldest != nullptr) {
    GrpcLetter* following = oldest->next_;
    oldest->open();
    oldest = following;
  }
  return true;
}

bool GrpcMailbox::try_sleep() noexcept {
  if (wake_comes_) return false;
  GrpcLetter* none = nullptr;
  asleep_set_ = newest_.compare_exchange_strong(none, &asleep_, std::memory_order_acq_rel);
  return asleep_set_;
}

void GrpcMailbox::close() {
  open_all();
  MUSTER_CHECK(!wake_comes_);
  open_taken(newest_.exchange(&closed_, std::memory_order_acq_rel));
}

}  // namespace muster
