// SPDX-License-Identifier: Apache-2.0
// How a Status leaves the process: the one table from codes to HTTP and gRPC.
#pragma once

#include <string>
#include <string_view>

#include <muster/status.h>

namespace muster {

// 400 for what the client did wrong, 404, 401, 403, 413 (kOutOfRange: a body over its limit), 501,
// 503 (queue full, too late, closing, not ready), 500.
[[nodiscard]] int http_status(StatusCode code) noexcept;
// "Service Unavailable".
[[nodiscard]] std::string_view http_reason(int status) noexcept;
// Whether the client should come again later: then the reply has Retry-After.
[[nodiscard]] bool is_retryable(StatusCode code) noexcept;
// gRPC's code as a number. kResourceExhausted (a full queue) and kDeadlineExceeded are UNAVAILABLE,
// unless `deadline_is_the_calls`: then the latter stays DEADLINE_EXCEEDED.
[[nodiscard]] int grpc_code(StatusCode code, bool deadline_is_the_calls = false) noexcept;
// What a client may read: the message, without what belongs into the log alone (kInternal, kUnknown
// and kDataLoss tell no paths).
[[nodiscard]] std::string client_message(const Status& status);

// {"error":"..."}
[[nodiscard]] std::string error_json(std::string_view message);

}  // namespace muster
