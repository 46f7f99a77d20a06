// SPDX-License-Identifier: Apache-2.0
// Every method but ModelInfer (calls/infer_method.h).
#pragma once

#include <vector>

#include "frontend/grpc/calls/conversation.h"

namespace muster {

[[nodiscard]] std::vector<GrpcMethod> generic_methods();

}  // namespace muster
