// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/load_thread.h"

namespace muster::openvino {

LoadThread::LoadThread() : thread_([this] { work(); }) {}

LoadThread::~LoadThread() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void LoadThread::run(const std::function<void()>& job) {
  MutexLock lock(mutex_);
  while (job_ != nullptr)
    changed_.wait(lock);
  job_ = &job;
  done_ = false;
  changed_.notify_all();
  while (!done_)
    changed_.wait(lock);
  job_ = nullptr;
  changed_.notify_all();
}

void LoadThread::work() {
  MutexLock lock(mutex_);
  while (true) {
    while ((job_ == nullptr || done_) && !ending_)
      changed_.wait(lock);
    if (ending_) return;
    const std::function<void()>& job = *job_;
    lock.unlock();
    job();
    lock.lock();
    done_ = true;
    changed_.notify_all();
  }
}

}  // namespace muster::openvino
