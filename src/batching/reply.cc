// SPDX-License-Identifier: Apache-2.0
#include "batching/reply.h"

#include <memory>
#include <vector>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mutex.h"

namespace muster {
namespace {

// std::atomic::wait yields the processor several times before it sleeps, which with many callers on
// few cores is work taken from the one that runs the batch.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>& word) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// The calls of threads that have ended, for the next threads.
struct Pool {
  Mutex mutex;
  std::vector<BlockingCall*> free;
};

Pool& pool() {
  static auto* const instance = new Pool;
  return *instance;
}

class Lease {
 public:
  Lease() {
    const MutexLock lock(pool().mutex);
    if (pool().free.empty()) {
      call_ = new BlockingCall;
      return;
    }
    call_ = pool().free.back();
    pool().free.pop_back();
  }
  ~Lease() {
    const MutexLock lock(pool().mutex);
    pool().free.push_back(call_);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  [[nodiscard]] BlockingCall& call() const noexcept { return *call_; }

 private:
  BlockingCall* call_;
};

}  // namespace

BlockingCall& BlockingCall::of_this_thread() {
  thread_local const Lease lease;
  return lease.call();
}

void BlockingCall::begin() noexcept {
  outcome_.reset();
  next_ = nullptr;
  state_.store(kWaiting, std::memory_order_release);
}

Result<InferResponse> BlockingCall::wait() {
  std::uint32_t expected = kWaiting;
  if (state_.compare_exchange_strong(expected, kSleeping, std::memory_order_acq_rel)) {
    while (state_.load(std::memory_order_acquire) == kSleeping)
      futex_wait(state_, kSleeping);
  }
  // From here on the wake-up of this call, if one is still to come, finds nothing to do.
  state_.store(kAnswered, std::memory_order_release);
  if (next_ != nullptr) next_->wake();
  MUSTER_CHECK(outcome_.has_value());
  return *std::move(outcome_);
}

// After this the waiting thread may go on at any moment.
void BlockingCall::publish() noexcept {
  std::uint32_t expected = kWaiting;
  if (!state_.compare_exchange_strong(expected, kAnswered, std::memory_order_acq_rel)) {
    state_.store(kAnsweredAsleep, std::memory_order_release);
  }
}

void BlockingCall::wake() noexcept {
  std::uint32_t expected = kAnsweredAsleep;
  if (state_.compare_exchange_strong(expected, kAnswered, std::memory_order_acq_rel)) {
    futex_wake(state_);
  }
}

void BlockingCall::answer(Result<InferResponse> outcome) noexcept {
  outcome_.emplace(std::move(outcome));
  publish();
  wake();
}

void BlockingCall::answer_all(std::span<BlockingCall* const> calls,
                              std::span<Result<InferResponse>> outcomes) noexcept {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    calls[i]->outcome_.emplace(std::move(outcomes[i]));
    calls[i]->next_ = i + 1 < calls.size() ? calls[i + 1] : nullptr;
  }
  // A call wakes those behind it, so those must be published first.
  for (std::size_t i = calls.size(); i > 0; --i)
    calls[i - 1]->publish();
  if (!calls.empty()) calls[0]->wake();
}

Reply::~Reply() {
  if (call_ != nullptr) call_->answer(unavailable("the request was dropped before it was run"));
}

Reply& Reply::operator=(Reply&& other) noexcept {
  if (this == &other) return *this;
  this->~Reply();
  return *std::construct_at(this, std::move(other));
}

void Reply::answer(Result<InferResponse> outcome) noexcept {
  if (call_ != nullptr) {
    std::exchange(call_, nullptr)->answer(std::move(outcome));
  } else {
    completion_.complete(std::move(outcome));
  }
}

}  // namespace muster
