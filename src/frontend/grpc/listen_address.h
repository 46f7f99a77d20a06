// SPDX-License-Identifier: Apache-2.0
// Where a listener listens, as gRPC writes it; and why it cannot, which gRPC does not tell.
#pragma once

#include <string>

#include "frontend/grpc/grpc_frontend.h"

namespace muster {

// "127.0.0.1:8001", "[::1]:8001" or "unix:/run/muster.sock". Tried out: kInvalidArgument where it
// is no address, kUnavailable where one cannot listen.
[[nodiscard]] Result<std::string> listen_address(const GrpcListener& listener);

// As people write it, for messages: "127.0.0.1:8001", "/run/muster.sock".
[[nodiscard]] std::string printed_address(const GrpcListener& listener);

// An IP address of this machine alone. Unix-domain sockets have none.
[[nodiscard]] bool is_loopback(const std::string& address);

}  // namespace muster
