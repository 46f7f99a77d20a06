// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/pool_threads.h"

#include <exception>
#include <utility>

#include "backends/onnxruntime/gpu/cuda_driver.h"

namespace muster::onnxruntime {
namespace {

OrtCustomThreadHandle create_thread(void* threads, OrtThreadWorkerFn work, void* parameter) {
  std::thread* const thread = static_cast<PoolThreads*>(threads)->start([work, parameter] {
    ignore_captures_of_others();  // operators that run side by side launch from here
    work(parameter);
  });
  return reinterpret_cast<OrtCustomThreadHandle>(thread);
}

void join_thread(OrtCustomThreadHandle handle) {
  auto* const thread = reinterpret_cast<std::thread*>(const_cast<OrtCustomHandleType*>(handle));
  if (thread == nullptr) return;
  thread->join();
  delete thread;
}

}  // namespace

PoolThreads::PoolThreads() : maker_([this] { make_threads(); }) {}

PoolThreads::~PoolThreads() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  maker_.join();
}

void PoolThreads::start_threads_of(Ort::SessionOptions& options) {
  options.SetCustomCreateThreadFn(create_thread);
  options.SetCustomThreadCreationOptions(this);
  options.SetCustomJoinThreadFn(join_thread);
}

void PoolThreads::start_threads_of(Ort::ThreadingOptions& options) {
  options.SetGlobalCustomCreateThreadFn(create_thread);
  options.SetGlobalCustomThreadCreationOptions(this);
  options.SetGlobalCustomJoinThreadFn(join_thread);
}

std::thread* PoolThreads::start(std::function<void()> work) {
  std::promise<std::thread*> made;
  {
    MutexLock lock(mutex_);
    while (wanted_)
      changed_.wait(lock);
    wanted_ = std::move(work);
    made_ = &made;
    changed_.notify_all();
  }
  return made.get_future().get();
}

void PoolThreads::make_threads() {
  MutexLock lock(mutex_);
  while (true) {
    while (!wanted_ && !ending_)
      changed_.wait(lock);
    if (!wanted_) return;
    std::thread* thread = nullptr;
    try {
      thread = new std::thread(std::move(wanted_));
    } catch (const std::exception&) {
      // The runtime reports that it got none.
    }
    wanted_ = nullptr;
    made_->set_value(thread);
    changed_.notify_all();
  }
}

}  // namespace muster::onnxruntime
