// SPDX-License-Identifier: Apache-2.0
// PoolThreads: starts the threads of the runtime's pools from one thread of its own, so that they
// have the priority of whoever made this object and not of whoever loads a model: a new thread
// inherits its maker's, and a model that is loaded in the background serves in the foreground
// later.
#pragma once

#include <functional>
#include <future>
#include <thread>

#include <onnxruntime_cxx_api.h>

#include "base/mutex.h"

namespace muster::onnxruntime {

// Any thread. Outlives the sessions that use it.
class PoolThreads {
 public:
  PoolThreads();
  ~PoolThreads();
  PoolThreads(const PoolThreads&) = delete;
  PoolThreads& operator=(const PoolThreads&) = delete;

  // The pools of a session that is made with these options get their threads from here.
  void start_threads_of(Ort::SessionOptions& options);
  // The same for the pools of an environment.
  void start_threads_of(Ort::ThreadingOptions& options);
  // Runs `work` on a new thread. Null where the system has none left; the caller joins and deletes.
  [[nodiscard]] std::thread* start(std::function<void()> work);

 private:
  void make_threads();

  Mutex mutex_;
  CondVar changed_;
  std::function<void()> wanted_ MUSTER_GUARDED_BY(mutex_);  // empty: none
  std::promise<std::thread*>* made_ MUSTER_GUARDED_BY(mutex_) = nullptr;
  bool ending_ MUSTER_GUARDED_BY(mutex_) = false;
  std::thread maker_;
};

}  // namespace muster::onnxruntime
