// SPDX-License-Identifier: Apache-2.0
// CallEnvironment: what all calls of one loop share.
#pragma once

#include "frontend/front_services.h"
#include "frontend/grpc/completion_loop.h"
#include "frontend/grpc/open_calls.h"
#include "frontend/grpc/peer_addresses.h"

namespace muster {

struct CallEnvironment {
  const FrontServices& services;
  CompletionLoop& loop;
  OpenCalls& open_calls;
  const PeerAddresses& peers;
  // Whether every TCP listener is bound to a loopback address. gRPC does not tell by which listener
  // a call came, so where one of them is not, none counts as loopback but Unix-domain sockets.
  bool loopback_only;
};

}  // namespace muster
