// SPDX-License-Identifier: Apache-2.0
// CallEnvironment: what all calls of one transport thread share.
#pragma once

#include <memory>

#include "frontend/front_services.h"
#include "frontend/grpc/call_thread.h"
#include "frontend/grpc/message/memory_budget.h"
#include "frontend/grpc/open_calls.h"

namespace muster {

struct CallEnvironment {
  const FrontServices& services;
  CallThread& thread;
  OpenCalls& open_calls;
  // Of all threads; answers that come late outlive the front end.
  std::shared_ptr<MemoryBudget> memory;
};

}  // namespace muster
