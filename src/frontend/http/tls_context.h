// SPDX-License-Identifier: Apache-2.0
// TLS settings of a listener: TLS 1.2 or newer, without renegotiation and compression.
#pragma once

#include <memory>

#include <boost/asio/ssl/context.hpp>

#include "frontend/front_services.h"

namespace muster {

// Errors name the file. With a client CA, clients must show a certificate that it signed.
[[nodiscard]] Result<std::unique_ptr<boost::asio::ssl::context>> make_tls_context(
    const TlsFiles& files);

}  // namespace muster
