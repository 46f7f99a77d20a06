// SPDX-License-Identifier: Apache-2.0
// StreamConnection: a connection over a socket, plain or with TLS.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include "frontend/http/connection.h"

namespace muster {

// An accepted socket that does not block; it is taken over, also where making the connection throws
// bad_alloc. `family` is AF_INET, AF_INET6 or
// AF_UNIX.
struct AcceptedSocket {
  int descriptor;
  int family;
};

// On the thread. Begin the connection then.
[[nodiscard]] ConnectionRef make_plain_connection(TransportThread& thread, ListenerFacts& listener,
                                                  AcceptedSocket socket);
// `context` outlives the connection.
[[nodiscard]] ConnectionRef make_tls_connection(TransportThread& thread, ListenerFacts& listener,
                                                AcceptedSocket socket,
                                                boost::asio::ssl::context& context);

}  // namespace muster
