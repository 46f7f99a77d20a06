// SPDX-License-Identifier: Apache-2.0
// RepositoryModelLoad: loading takes as long as the model does, and no thread waits for it.
#pragma once

#include "frontend/grpc/calls/conversation.h"

namespace muster {

[[nodiscard]] GrpcMethod load_method();

}  // namespace muster
