// SPDX-License-Identifier: Apache-2.0
// What gRPC is told before the server starts.
#pragma once

#include <chrono>

#include <grpcpp/server_builder.h>

#include "frontend/frontend_limits.h"

namespace muster {

// How long a peer may take to confirm what it was sent, before it counts as gone.
inline constexpr std::chrono::milliseconds kKeepalivePatience{std::chrono::seconds(20)};

void set_limits(const FrontendLimits& limits, grpc::ServerBuilder& builder);

// gRPC's own messages go to our log from now on, for the whole process.
void log_what_grpc_says();

// Debian builds Abseil, whose locks gRPC takes, with its check for deadlocks: at each lock, a graph
// that all threads share. Off from now on, for the whole process.
void spare_lock_checks();

}  // namespace muster
