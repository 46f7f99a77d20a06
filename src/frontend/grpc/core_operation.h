// SPDX-License-Identifier: Apache-2.0
// CoreOperation: an Operation that was begun through the C surface of gRPC's core. The C++ queue
// asks every tag of the core's what it stands for, so this one says: for my operation.
#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/impl/codegen/completion_queue_tag.h>

#include "frontend/grpc/operation.h"

namespace muster {

class CoreOperation final : public grpc::internal::CompletionQueueTag {
 public:
  explicit CoreOperation(Operation operation) noexcept : operation_(operation) {}

  bool FinalizeResult(void** tag, bool*) override {
    *tag = &operation_;
    return true;
  }

 private:
  Operation operation_;
};

}  // namespace muster
