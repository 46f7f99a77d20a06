// SPDX-License-Identifier: Apache-2.0
// The runtime's environment: made once per backend, without telemetry, its log lines sent to ours,
// with the one thread pool that models share.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include <muster/status.h>

#include "backends/onnxruntime/pool_threads.h"
#include "base/mutex.h"

namespace muster::onnxruntime {

// Shared by the backend and every model that it loaded. Any thread.
class Environment {
 public:
  // `threads`: of the shared pool, the one that calls included. The runtime has one environment in
  // a process: where there is one already, its pool is used.
  static Result<std::shared_ptr<Environment>> create(int threads);

  [[nodiscard]] Ort::Env& get() noexcept { return *env_; }
  [[nodiscard]] PoolThreads& pool_threads() noexcept { return pool_threads_; }
  // From now on there is an arena that extends as requested, for sessions with
  // session.use_env_allocators. The runtime's API configures no arena of a single session.
  [[nodiscard]] Status share_arena_as_requested();
  // Opens a library of execution providers, where no backend of this process has it open; it stays
  // open as long as any of them lives. A name stands for one library in a process.
  [[nodiscard]] Status register_plugin(const std::string& name, const std::string& file);
#if ORT_API_VERSION >= 23
  // What an open library offers. The runtime's exceptions leave it.
  [[nodiscard]] std::vector<Ort::ConstEpDevice> devices_of(const std::string& file) const;
#endif

 private:
  Environment() = default;

  PoolThreads pool_threads_;
  std::optional<Ort::Env> env_;
  Mutex mutex_;
  bool arena_shared_ MUSTER_GUARDED_BY(mutex_) = false;
  std::set<std::string> plugins_ MUSTER_GUARDED_BY(mutex_);  // by name
};

}  // namespace muster::onnxruntime
