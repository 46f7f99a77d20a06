// SPDX-License-Identifier: Apache-2.0
#include "client/server_address.h"

#include <optional>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::int64_t kMostPort = 65535;

Status no_url(std::string_view url, std::string_view why) {
  return invalid_argument("'" + printable(url) + "' " + std::string(why) +
                          "; a server's URL is http://HOST:PORT, grpc://HOST:PORT, unix:PATH or "
                          "unix+grpc:PATH");
}

Result<ServerAddress> on_path(std::string_view url, Transport transport, std::string_view path) {
  if (path.starts_with("//")) path.remove_prefix(2);
  if (path.empty()) return no_url(url, "names no socket");
  if (path.find('\0') != std::string_view::npos) return no_url(url, "is no path");
  return ServerAddress{transport, "", 0, std::string(path)};
}

Result<ServerAddress> on_port(std::string_view url, Transport transport, std::string_view place) {
  if (place.ends_with('/')) place.remove_suffix(1);
  if (place.find_first_of("/?#@") != std::string_view::npos)
    return no_url(url, "has more than a host and a port");
  const std::size_t colon = place.rfind(':');
  if (colon == std::string_view::npos || place.ends_with(']')) {
    const std::string_view usual = transport == Transport::kHttp ? "8000" : "8001";
    return no_url(url, "has no port; Muster's own servers have " + std::string(usual) +
                           " where nothing else is said");
  }
  std::string_view host = place.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return no_url(url, "has an IPv6 address without brackets");
  }
  for (const char c : host) {
    if (c <= ' ' || c == '\x7f') return no_url(url, "is no host");
  }
  if (host.empty()) return no_url(url, "has no host");
  const std::optional<std::int64_t> port = parse_int(place.substr(colon + 1));
  if (!port || *port < 1 || *port > kMostPort) return no_url(url, "has no port from 1 to 65535");
  return ServerAddress{transport, std::string(host), static_cast<std::uint16_t>(*port), ""};
}

}  // namespace

Result<ServerAddress> parse_server_url(std::string_view url) {
  const auto rest = [&](std::string_view scheme) -> std::optional<std::string_view> {
    if (!url.starts_with(scheme)) return std::nullopt;
    return url.substr(scheme.size());
  };
  if (const auto place = rest("http://")) return on_port(url, Transport::kHttp, *place);
  if (const auto place = rest("grpc://")) return on_port(url, Transport::kGrpc, *place);
  if (const auto path = rest("unix:")) return on_path(url, Transport::kHttp, *path);
  if (const auto path = rest("unix+grpc:")) return on_path(url, Transport::kGrpc, *path);
  if (rest("https://") || rest("grpcs://"))
    return no_url(url,
                  "asks for TLS, which this client does not speak: name a listener without it");
  return no_url(url, "says no transport");
}

std::string authority_of(const ServerAddress& address) {
  if (!address.unix_path.empty()) return "localhost";
  const bool bracketed = address.host.find(':') != std::string::npos;
  return (bracketed ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string server_url(const ServerAddress& address) {
  const std::string scheme(transport_name(address));
  if (!address.unix_path.empty()) return scheme + ":" + address.unix_path;
  return scheme + "://" + authority_of(address);
}

std::string_view transport_name(const ServerAddress& address) noexcept {
  const bool http = address.transport == Transport::kHttp;
  if (!address.unix_path.empty()) return http ? "unix" : "unix+grpc";
  return http ? "http" : "grpc";
}

}  // namespace muster
