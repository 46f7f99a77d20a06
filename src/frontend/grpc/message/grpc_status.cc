// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/message/grpc_status.h"

#include "protocol/status_codes.h"

namespace muster {

GrpcStatus grpc_status(const Status& status, bool deadline_is_the_calls) {
  if (status.ok()) return {};
  return {static_cast<StatusCode>(grpc_code(status.code(), deadline_is_the_calls)),
          client_message(status)};
}

}  // namespace muster
