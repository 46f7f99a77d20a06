// SPDX-License-Identifier: Apache-2.0
// gRPC's health service, for probes and load balancers: of the server ("") and of the inference
// service, which are healthy together. NOT_SERVING where the server is not ready, or stops.
#pragma once

#include <array>

#include "frontend/grpc/calls/conversation.h"

namespace muster {

[[nodiscard]] std::array<GrpcMethod, 2> health_methods();

}  // namespace muster
