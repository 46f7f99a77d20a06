// SPDX-License-Identifier: Apache-2.0
// GrpcStatus: how a call ends, as its client is told. A type of its own, as a Status is what
// happened here, which has yet to be mapped, once.
#pragma once

#include <string>
#include <utility>

#include <muster/status.h>

namespace muster {

struct GrpcStatus {
  StatusCode code = StatusCode::kOk;
  std::string message = {};

  [[nodiscard]] bool ok() const noexcept { return code == StatusCode::kOk; }
};

// `deadline_is_the_calls`: see grpc_code.
[[nodiscard]] GrpcStatus grpc_status(const Status& status, bool deadline_is_the_calls = false);
[[nodiscard]] inline GrpcStatus cancelled_status(std::string message = {}) {
  return {StatusCode::kCancelled, std::move(message)};
}

}  // namespace muster
