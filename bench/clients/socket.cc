// SPDX-License-Identifier: Apache-2.0
#include "bench/clients/socket.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace muster::bench {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

Socket connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) throw std::runtime_error(path + " is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    fail("unix:" + path);
  return socket;
}

Socket connect_tcp(const Address& to) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(to.port);
  if (::inet_pton(AF_INET, to.host.c_str(), &address.sin_addr) != 1)
    throw std::runtime_error(to.host + " is no IPv4 address");
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    fail(to.host + ":" + std::to_string(to.port));
  const int on = 1;
  ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return socket;
}

}  // namespace

Address parse_address(const std::string& text) {
  Address address;
  if (text.starts_with("unix:")) {
    address.unix_path = text.substr(5);
    return address;
  }
  const std::size_t colon = text.rfind(':');
  const int port = colon == std::string::npos ? 0 : std::atoi(text.c_str() + colon + 1);
  if (port <= 0 || port > 65535) throw std::runtime_error(text + " is no HOST:PORT");
  address.host = text.substr(0, colon);
  if (address.host == "localhost") address.host = "127.0.0.1";
  address.port = static_cast<std::uint16_t>(port);
  return address;
}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

Socket connect_to(const Address& address) {
  return address.unix_path.empty() ? connect_tcp(address) : connect_unix(address.unix_path);
}

PlainReply http_exchange(const Address& address, const std::string& method, const std::string& path,
                         const std::string& body) {
  std::string text;
  try {
    const Socket socket = connect_to(address);
    const std::string request = method + " " + path +
                                " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                "Content-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body;
    if (::send(socket.fd(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
      return {};
    std::array<char, 4096> part{};
    for (ssize_t got = 1; got > 0;) {
      got = ::recv(socket.fd(), part.data(), part.size(), 0);
      if (got > 0) text.append(part.data(), static_cast<std::size_t>(got));
    }
  } catch (const std::runtime_error&) {
    return {};
  }
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos || !text.starts_with("HTTP/1.1 ")) return {};
  return {std::atoi(text.c_str() + 9), text.substr(head + 4)};
}

}  // namespace muster::bench
