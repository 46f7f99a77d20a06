// SPDX-License-Identifier: Apache-2.0
// Socket addresses: listening sockets by address, and peers as text.
#pragma once

#include <cstdint>
#include <string>

#include <muster/status.h>

namespace muster {

// A socket that listens and does not block; the caller closes it.
struct ListeningSocket {
  int descriptor = -1;
  int family = 0;
  std::uint16_t port = 0;
  bool is_loopback = false;
};

// `address` is an IP address, with or without the brackets of IPv6. Port 0 is any free one.
[[nodiscard]] Result<ListeningSocket> listen_on_address(const std::string& address,
                                                        std::uint16_t port);
// Only this user can connect: the file has mode 0600. One that is there is replaced if it is a
// socket on which nobody listens.
[[nodiscard]] Result<ListeningSocket> listen_on_path(const std::string& path);

// "127.0.0.1:4711", "[::1]:4711", "unix:", or "" where the client has gone.
[[nodiscard]] std::string peer_text(int descriptor);

}  // namespace muster
