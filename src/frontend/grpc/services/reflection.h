// SPDX-License-Identifier: Apache-2.0
// gRPC's server reflection, v1 and v1alpha: which services there are and their .proto files, for
// tools such as grpcurl. A service of our own, and not gRPC's, so that it asks the access policy
// too.
#pragma once

#include <array>

#include "frontend/grpc/calls/conversation.h"

namespace muster {

[[nodiscard]] std::array<GrpcMethod, 2> reflection_methods();

}  // namespace muster
