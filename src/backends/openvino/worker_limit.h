// SPDX-License-Identifier: Apache-2.0
// WorkerLimit: bounds the threads of oneTBB, which runs the operators of all models of OpenVINO. By
// itself oneTBB has one a CPU of the affinity mask, and knows no quota of a cgroup.
#pragma once

#include <memory>

namespace muster::openvino {

// One at a time: the backend's, then its loading thread's. Where this was built without oneTBB's
// headers it limits nothing.
class WorkerLimit {
 public:
  // `threads` at the same time, those that call included; at least 1.
  explicit WorkerLimit(int threads);
  ~WorkerLimit();
  WorkerLimit(const WorkerLimit&) = delete;
  WorkerLimit& operator=(const WorkerLimit&) = delete;

  // For a model that asks for more by itself. Never lowers.
  void raise_to(int threads);
  [[nodiscard]] int threads() const noexcept { return threads_; }

 private:
  struct Control;
  int threads_;
  std::unique_ptr<Control> control_;
};

}  // namespace muster::openvino
