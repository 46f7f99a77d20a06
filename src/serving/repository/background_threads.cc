// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/background_threads.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace muster {
namespace {

constexpr int kNicer = 10;

// `struct sched_attr` of sched_setattr(2), in its first version. Of our own: Debian 12's
// <linux/sched/types.h> cannot be included beside <sched.h>.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);  // SCHED_ATTR_SIZE_VER0

// Of the calling thread alone, as Linux has it. Refusals are no matter: then it is as quick as all.
// It gets about a tenth of a processor that others want too: with less, a model would not be loaded
// in an hour on a machine that is busy all the time.
void lower_own_priority() noexcept {
  SchedulingAttributes wanted;
  wanted.policy = SCHED_BATCH;
  wanted.nice = kNicer;
  // A long time slice is what makes a thread yield: since Linux 6.12 a thread that wakes up takes
  // the processor at once from one whose slice is longer, and else waits until that one's is over
  // (kernel/sched/fair.c, PREEMPT_SHORT). Older kernels pay no attention to it.
  wanted.runtime_ns = BackgroundThreads::kLongSlice.count();
  if (::syscall(SYS_sched_setattr, 0, &wanted, 0U) == 0) return;
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNicer);
  const sched_param none{};
  (void)::sched_setscheduler(0, SCHED_BATCH, &none);
}

}  // namespace

BackgroundThreads::BackgroundThreads(std::size_t count) {
  try {
    for (std::size_t i = 0; i < std::max<std::size_t>(1, count); ++i)
      threads_.emplace_back([this] { work(); });
  } catch (...) {
    finish();  // no destructor runs of what was not constructed
    throw;
  }
}

BackgroundThreads::~BackgroundThreads() {
  finish();
}

void BackgroundThreads::post(std::function<void()> job) {
  const MutexLock lock(mutex_);
  jobs_.push_back(std::move(job));
  work_.notify_one();
}

void BackgroundThreads::post_first(std::function<void()> job) {
  const MutexLock lock(mutex_);
  jobs_.push_front(std::move(job));
  work_.notify_one();
}

void BackgroundThreads::finish() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    work_.notify_all();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void BackgroundThreads::lower_priority() {
  const MutexLock lock(mutex_);
  lowered_ = true;
}

void BackgroundThreads::work() {
  bool low = false;
  MutexLock lock(mutex_);
  while (true) {
    while (jobs_.empty() && !ending_)
      work_.wait(lock);
    if (jobs_.empty()) return;
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    const bool must_be_low = lowered_;
    lock.unlock();
    if (must_be_low && !low) lower_own_priority();
    low = must_be_low;
    job();
    lock.lock();
  }
}

}  // namespace muster
