// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/grpc_calls.h"

#include "frontend/grpc/services/generic_methods.h"

namespace muster {

GrpcCalls::GrpcCalls(const CallEnvironment& environment)
    : environment_(environment),
      methods_(generic_methods()),
      infers_(environment),
      generics_(environment, methods_) {}

Http2Call& GrpcCalls::begin(Http2Stream& stream) {
  const CallHead head = read_head(stream, environment_.thread.now());
  if (head.refusal.ok() && stream.field(Http2Field::kPath) == kModelInferPath)
    return infers_.begin(stream, head);
  return generics_.begin(stream, head);
}

}  // namespace muster
