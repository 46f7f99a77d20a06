// SPDX-License-Identifier: Apache-2.0
// FrontendLimits: what one client can make the server hold or wait for. Every one is configurable.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "protocol/infer_call.h"

namespace muster {

struct FrontendLimits {
  std::size_t max_body_bytes = std::size_t{64} << 20;           // as it comes
  std::size_t max_decompressed_bytes = std::size_t{256} << 20;  // after gzip or deflate
  std::size_t max_header_bytes = std::size_t{16} << 10;         // of one request
  // Of a body or message that is no inference and no picture, unpacked: it becomes many small
  // things in memory, and is read on the thread that all wait for.
  std::size_t max_control_bytes = std::size_t{2} << 20;
  std::size_t max_connections = 4096;       // of each listener
  std::size_t max_pipelined_requests = 32;  // of one connection, or unanswered on one stream
  std::size_t max_streams = 1024;           // gRPC: calls open at a time on one connection
  // gRPC, of one connection and in a second, 0 = no limit: requests that the client breaks off
  // itself, and frames that neither ask nor answer. Who does more is sent away.
  std::size_t max_resets = 2000;
  std::size_t max_control_frames = 10'000;
  std::size_t max_grpc_bytes = std::size_t{1} << 30;  // gRPC: messages of all connections together
  std::size_t max_pictures = 256;                     // of one classify call
  std::chrono::milliseconds idle_timeout{std::chrono::minutes(5)};  // HTTP: between requests
  // gRPC: without a call; 0 = no limit.
  std::chrono::milliseconds grpc_idle_timeout{std::chrono::minutes(30)};
  std::chrono::milliseconds receive_timeout{
      std::chrono::seconds(30)};  // from a request's first byte to its last
  // Until a reply is read, and how much longer a large one may take: see send_limit.
  std::chrono::milliseconds send_timeout{std::chrono::seconds(30)};
  std::size_t min_send_rate = std::size_t{64} << 10;  // bytes a second
  // While a full queue refuses requests, a transport thread reads again after so long at the
  // soonest; 0 = at once.
  std::chrono::microseconds refusal_pause{750};
  ProtocolLimits protocol;
};

// How long a client may take to read a reply of so many bytes, from the moment that it is sent. A
// client that takes a little now and then holds the memory of the reply no longer for it.
[[nodiscard]] inline std::chrono::milliseconds send_limit(const FrontendLimits& limits,
                                                          std::size_t bytes) noexcept {
  constexpr std::size_t kMostSeconds = std::size_t{365} * 24 * 60 * 60;  // more would overflow
  const std::size_t more = bytes / std::max<std::size_t>(limits.min_send_rate, 1);
  return limits.send_timeout + std::chrono::seconds(std::min(more, kMostSeconds));
}

}  // namespace muster
