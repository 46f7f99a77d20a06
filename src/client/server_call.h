// SPDX-License-Identifier: Apache-2.0
// One call to a server, on a connection of its own: for what is asked once.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <muster/status.h>

#include "base/clock.h"
#include "client/server_address.h"
#include "client/wire.h"

namespace muster {

class Connections;

// A server, and as whom it is asked.
struct ServerAccess {
  ServerAddress address;
  std::string bearer_token;                          // "" = none
  Clock::Duration limit = std::chrono::seconds(30);  // for connecting, and for each answer
};

struct ServerReply {
  Outcome outcome = Outcome::kFailed;
  int code = 0;                                  // HTTP's status or gRPC's; 0 where nothing came
  std::string body;                              // as Answer has it
  std::optional<std::size_t> header_bytes = {};  // likewise
};

// The whole text of a request. `header_bytes`: of the JSON in front of binary tensors, 0 = there
// are none, and `body` is JSON.
[[nodiscard]] std::string http_request(const ServerAccess& server, std::string_view method,
                                       std::string_view path, std::string_view body,
                                       std::size_t header_bytes = 0);
// The wire that asks this server: over gRPC for calls of one method ("ModelInfer").
[[nodiscard]] std::unique_ptr<Wire> make_wire(const ServerAccess& server,
                                              std::string_view grpc_method, int streams,
                                              const WireLimits& limits = {});

// Asks on a connection of one slot, and waits. Errors as those of the calls below; the connection
// is of no use any more then.
[[nodiscard]] Result<ServerReply> ask_and_wait(Connections& connection, const ServerAccess& server,
                                               std::string_view request);
// A reply that is no answer, as a failure: "`what` (HTTP status 404): the server's words".
[[nodiscard]] Status refusal(const ServerAccess& server, std::string_view what,
                             const ServerReply& reply);

// Of a server's answer about itself or its models.
inline constexpr std::size_t kMostReplyBytes = std::size_t{16} << 20;

// For what is asked once, answers up to kMostReplyBytes. Errors (kUnavailable, kFailedPrecondition,
// kDeadlineExceeded): nothing that is an answer came; they name the server's URL.
[[nodiscard]] Result<ServerReply> call_http(const ServerAccess& server, std::string_view method,
                                            std::string_view path, std::string_view body = "");
[[nodiscard]] Result<ServerReply> call_grpc(const ServerAccess& server, std::string_view method,
                                            std::string_view message);

}  // namespace muster
