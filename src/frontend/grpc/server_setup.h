// SPDX-License-Identifier: Apache-2.0
// What gRPC is told before the server starts: limits, listeners, credentials.
#pragma once

#include <memory>

#include <grpcpp/server_builder.h>

#include "frontend/frontend_limits.h"
#include "frontend/grpc/grpc_frontend.h"

namespace muster {

void set_limits(const FrontendLimits& limits, grpc::ServerBuilder& builder);

// Plain, TLS or mutual TLS. Errors name the file.
[[nodiscard]] Result<std::shared_ptr<grpc::ServerCredentials>> credentials_of(const TlsFiles& tls);

// gRPC's own messages go to our log from now on, for the whole process.
void log_what_grpc_says();

// Debian builds Abseil, whose locks gRPC takes, with its check for deadlocks: at each lock, a graph
// that all threads share. Off from now on, for the whole process.
void spare_lock_checks();

}  // namespace muster
