// SPDX-License-Identifier: Apache-2.0
// TLS settings of a listener: TLS 1.2 or newer, without renegotiation and compression.
#pragma once

#include <memory>

#include <openssl/ssl.h>

#include "frontend/front_services.h"

namespace muster {

using TlsContext = SSL_CTX;
struct FreeTlsContext {
  void operator()(TlsContext* context) const noexcept { SSL_CTX_free(context); }
};
using TlsContextOwner = std::unique_ptr<TlsContext, FreeTlsContext>;

// Errors name the file. With a client CA, clients must show a certificate that it signed.
// `protocol`: what clients that name protocols (ALPN) must have among them, a text that lasts as
// long as the program; null = whatever they name.
[[nodiscard]] Result<TlsContextOwner> make_tls_context(const TlsFiles& files,
                                                       const char* protocol = nullptr);

}  // namespace muster
