// SPDX-License-Identifier: Apache-2.0
// TLS settings of a listener, for gRPC.
#pragma once

#include <memory>

#include <grpcpp/security/server_credentials.h>

#include "frontend/front_services.h"

namespace muster {

// Plain, TLS or mutual TLS. Errors name the file.
[[nodiscard]] Result<std::shared_ptr<grpc::ServerCredentials>> credentials_of(const TlsFiles& tls);

}  // namespace muster
