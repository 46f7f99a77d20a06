// SPDX-License-Identifier: Apache-2.0
// ServerAddress: where a server of the Open Inference Protocol is asked, and by which transport.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <muster/status.h>

namespace muster {

enum class Transport : std::uint8_t { kHttp, kGrpc };

struct ServerAddress {
  Transport transport = Transport::kHttp;
  std::string host;        // a name or an IP address, without the brackets of IPv6
  std::uint16_t port = 0;  // not 0, but for a Unix-domain socket
  std::string unix_path;   // of a Unix-domain socket, instead of the two above; "" = none
};

// "http://HOST:PORT", "grpc://HOST:PORT", "unix:PATH" (HTTP) or "unix+grpc:PATH". kInvalidArgument
// names what is wrong with another text, TLS (https, grpcs) included.
[[nodiscard]] Result<ServerAddress> parse_server_url(std::string_view url);
// Back again.
[[nodiscard]] std::string server_url(const ServerAddress& address);
// "HOST:PORT", with the brackets of IPv6; "localhost" for a Unix-domain socket: what the server is
// told that it was asked as.
[[nodiscard]] std::string authority_of(const ServerAddress& address);
// "http", "grpc", "unix" or "unix+grpc".
[[nodiscard]] std::string_view transport_name(const ServerAddress& address) noexcept;

}  // namespace muster
