// SPDX-License-Identifier: Apache-2.0
// The client's end of a connection.
#pragma once

#include <span>
#include <vector>

#include <sys/socket.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "client/server_address.h"

namespace muster {

// As the system's calls take it.
struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

// All that the host has, of which there is one at least. Blocks as long as the system takes to look
// the name up. Errors (kUnavailable) name the server's URL and the system's reason.
[[nodiscard]] Result<std::vector<SocketAddress>> resolve(const ServerAddress& address);
// A connected socket that does not block, without Nagle's delay, to the first of `places` (by
// resolve()) that takes it. Blocks for `limit` at most for each of them. Errors as above.
[[nodiscard]] Result<Descriptor> connect_to(const ServerAddress& address,
                                            std::span<const SocketAddress> places,
                                            Clock::Duration limit);

}  // namespace muster
