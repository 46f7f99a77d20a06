// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/opened_backends.h"

#include "serving/backend_library.h"

namespace muster {

Result<std::shared_ptr<Backend>> OpenedBackends::open(const std::string& name) {
  const MutexLock lock(mutex_);
  const auto found = opened_.find(name);
  if (found != opened_.end()) return found->second;
  MUSTER_ASSIGN_OR_RETURN(std::shared_ptr<Backend> backend, open_backend(name, settings_));
  opened_.emplace(name, backend);
  return backend;
}

}  // namespace muster
