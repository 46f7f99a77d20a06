// SPDX-License-Identifier: Apache-2.0
// A connection over a socket, plain or with TLS.
#pragma once

#include "base/descriptor.h"
#include "frontend/http/connection.h"
#include "frontend/transport/tls_context.h"

namespace muster {

// On the thread, with an accepted socket that does not block. Begin the connection then.
[[nodiscard]] ConnectionRef make_plain_connection(TransportThread& thread, ListenerFacts& listener,
                                                  Descriptor socket);
// `context` outlives the connection.
[[nodiscard]] ConnectionRef make_tls_connection(TransportThread& thread, ListenerFacts& listener,
                                                Descriptor socket, TlsContext& context);

}  // namespace muster
