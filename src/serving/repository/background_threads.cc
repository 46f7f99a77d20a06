// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/background_threads.h"

#include <algorithm>
#include <utility>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace muster {
namespace {

// Of the calling thread alone, as Linux has it. Refusals are no matter: then it is as quick as all.
// It gets about a tenth of a processor that others want too: with less, a model would not be loaded
// in an hour on a machine that is busy all the time.
void lower_own_priority() noexcept {
  constexpr int kNicer = 10;
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
