// SPDX-License-Identifier: Apache-2.0
// OpenedBackends: one backend object for each name, shared by all models of a service.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include <muster/backend.h>

#include "base/mutex.h"

namespace muster {

class OpenedBackends {
 public:
  using ByName = std::map<std::string, std::shared_ptr<Backend>, std::less<>>;

  // `given` are there already; `settings` are for those that are opened.
  OpenedBackends(ByName given, const BackendSettings& settings)
      : settings_(settings), opened_(std::move(given)) {}

  // Opens the installed backend of that name on first use; threads that it starts inherit the
  // calling thread's priority. A failure is not remembered.
  [[nodiscard]] Result<std::shared_ptr<Backend>> open(const std::string& name);

 private:
  const BackendSettings settings_;
  Mutex mutex_;
  ByName opened_ MUSTER_GUARDED_BY(mutex_);
};

}  // namespace muster
