// SPDX-License-Identifier: Apache-2.0
// How calls end that their clients do not go on with as gRPC wants it; the same for all methods.
#pragma once

#include <muster/inference.h>

#include "frontend/frontend_limits.h"
#include "frontend/grpc/message/grpc_status.h"

namespace muster {

[[nodiscard]] inline GrpcStatus no_message() {
  return {StatusCode::kInvalidArgument, "the call has no message"};
}
[[nodiscard]] inline GrpcStatus more_than_one_message() {
  return {StatusCode::kInvalidArgument, "the call has more than the one message of its method"};
}
[[nodiscard]] inline GrpcStatus message_is_cut_off() {
  return {StatusCode::kInvalidArgument, "the message is cut off"};
}
[[nodiscard]] inline GrpcStatus message_is_late() {
  return cancelled_status("the message did not come in time");
}
[[nodiscard]] inline GrpcStatus server_stops() {
  return {StatusCode::kUnavailable, "the server is shutting down"};
}

// `since`: when it was begun to wait for a message; kNoDeadline where nobody does.
[[nodiscard]] inline bool is_over_time(TimePoint since, TimePoint now,
                                       const FrontendLimits& limits) noexcept {
  return since != kNoDeadline && now - since >= limits.receive_timeout;
}

}  // namespace muster
