// SPDX-License-Identifier: Apache-2.0
// The unary methods of the Open Inference Protocol but inference: what there is, how it does, and
// changing it. Those whose answer takes time are in load_method.h and cuda_region_method.h.
#pragma once

#include <span>

#include "frontend/grpc/calls/conversation.h"

namespace muster {

[[nodiscard]] std::span<const GrpcMethod> control_methods();

}  // namespace muster
