// SPDX-License-Identifier: Apache-2.0
#include "client/connect.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <system_error>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"

namespace muster {
namespace {

Status cannot_reach(const ServerAddress& address, std::string_view why) {
  return unavailable(printable(server_url(address), 4096) +
                     " cannot be reached: " + std::string(why));
}

std::string reason(int error) {
  return std::generic_category().message(error);
}

// 0, or why not.
int finish_connecting(int socket, Clock::TimePoint until) {
  const Clock::Duration left = std::max(until - steady_clock().now(), Clock::Duration{0});
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  pollfd ready{socket, POLLOUT, 0};
  const int found = ::poll(
      &ready, 1,
      static_cast<int>(std::min<std::int64_t>(milliseconds, std::numeric_limits<int>::max())));
  if (found == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof(error);
  if (found < 0 || ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

// Likewise.
int connect_within(int socket, const SocketAddress& to, Clock::Duration limit) {
  const Clock::TimePoint until = add_saturating(steady_clock().now(), limit);
  while (::connect(socket, reinterpret_cast<const sockaddr*>(&to.bytes), to.size) != 0) {
    if (errno == EINPROGRESS) return finish_connecting(socket, until);
    if (errno != EAGAIN || to.bytes.ss_family != AF_UNIX) return errno;
    // The backlog of a Unix-domain socket is full, and nothing tells when it is not.
    if (steady_clock().now() >= until) return ETIMEDOUT;
    ::poll(nullptr, 0, 1);
  }
  return 0;
}

Result<std::vector<SocketAddress>> resolve_unix(const ServerAddress& address) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (address.unix_path.size() >= sizeof(to.sun_path))
    return cannot_reach(address, "the path is longer than a socket's may be");
  std::memcpy(to.sun_path, address.unix_path.data(), address.unix_path.size());
  std::vector<SocketAddress> places(1);
  std::memcpy(&places.front().bytes, &to, sizeof(to));
  places.front().size = sizeof(to);
  return places;
}

struct FreeAddresses {
  void operator()(addrinfo* first) const noexcept { ::freeaddrinfo(first); }
};

Result<std::vector<SocketAddress>> resolve_tcp(const ServerAddress& address) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &wanted, &found);
  if (failed != 0) return cannot_reach(address, ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, FreeAddresses> all(found);
  std::vector<SocketAddress> places;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    SocketAddress place;
    if (each->ai_addrlen > sizeof(place.bytes)) continue;
    std::memcpy(&place.bytes, each->ai_addr, each->ai_addrlen);
    place.size = each->ai_addrlen;
    places.push_back(place);
  }
  if (places.empty()) return cannot_reach(address, reason(EADDRNOTAVAIL));
  return places;
}

}  // namespace

Result<std::vector<SocketAddress>> resolve(const ServerAddress& address) {
  return address.unix_path.empty() ? resolve_tcp(address) : resolve_unix(address);
}

Result<Descriptor> connect_to(const ServerAddress& address, std::span<const SocketAddress> places,
                              Clock::Duration limit) {
  int error = EADDRNOTAVAIL;
  for (const SocketAddress& place : places) {
    const int family = place.bytes.ss_family;
    Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    error = socket.is_open() ? connect_within(socket.get(), place, limit) : errno;
    if (error != 0) continue;
    const int on = 1;
    if (family != AF_UNIX) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return socket;
  }
  return cannot_reach(address, reason(error));
}

}  // namespace muster
