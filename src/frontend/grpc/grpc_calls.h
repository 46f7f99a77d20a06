// SPDX-License-Identifier: Apache-2.0
// GrpcCalls: all calls of one transport thread: what gRPC makes of the streams of HTTP/2.
#pragma once

#include <vector>

#include "frontend/grpc/call_environment.h"
#include "frontend/grpc/calls/generic_call.h"
#include "frontend/grpc/calls/unary_infer.h"
#include "frontend/http2/http2_stream.h"

namespace muster {

// The transport thread; destroyed after it has ended, while its mailbox is still open.
class GrpcCalls final : public Http2Service {
 public:
  // `environment` outlives it.
  explicit GrpcCalls(const CallEnvironment& environment);
  GrpcCalls(const GrpcCalls&) = delete;
  GrpcCalls& operator=(const GrpcCalls&) = delete;
  ~GrpcCalls() = default;

  [[nodiscard]] Http2Call& begin(Http2Stream& stream) override;

 private:
  const CallEnvironment& environment_;
  const std::vector<GrpcMethod> methods_;
  UnaryInfers infers_;
  GenericCalls generics_;
};

}  // namespace muster
