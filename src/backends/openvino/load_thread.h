// SPDX-License-Identifier: Apache-2.0
// LoadThread: the one thread that reads and compiles models. Compiling starts the threads that run
// models later, and a new thread inherits its maker's priority: they must have that of whoever made
// this object, not that of whoever loads a model in the background.
#pragma once

#include <functional>
#include <thread>

#include "base/mutex.h"

namespace muster::openvino {

class LoadThread {
 public:
  // std::system_error where the system has no thread left.
  LoadThread();
  LoadThread(const LoadThread&) = delete;
  LoadThread& operator=(const LoadThread&) = delete;
  ~LoadThread();

  // Runs `job`, which must not throw, and returns when it is done. Any thread but this one; one
  // job at a time.
  void run(const std::function<void()>& job);

 private:
  void work();

  Mutex mutex_;
  CondVar changed_;
  const std::function<void()>* job_ MUSTER_GUARDED_BY(mutex_) = nullptr;
  bool done_ MUSTER_GUARDED_BY(mutex_) = false;
  bool ending_ MUSTER_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace muster::openvino
