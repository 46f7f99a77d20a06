// SPDX-License-Identifier: Apache-2.0
// The unary methods of the Open Inference Protocol but inference: what there is, how it does, and
// changing it. Loading is in load_method.h, as its answer takes time.
#pragma once

#include <span>

#include "frontend/grpc/calls/conversation.h"

namespace muster {

[[nodiscard]] std::span<const GrpcMethod> control_methods();

}  // namespace muster
