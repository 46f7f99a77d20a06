// SPDX-License-Identifier: Apache-2.0
// A stream with TLS; see make_stream.
#pragma once

#include <memory>

#include "frontend/transport/byte_stream.h"

namespace muster {

[[nodiscard]] std::unique_ptr<ByteStream> make_tls_stream(EventLoop& loop, ByteStream::User& user,
                                                          Descriptor socket, TlsContext& context);

}  // namespace muster
