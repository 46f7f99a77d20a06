// SPDX-License-Identifier: Apache-2.0
// A client's end of a connection to a server on this machine, and one plain HTTP exchange over it.
// Failures are exceptions.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace muster::bench {

struct Address {
  std::string host = "127.0.0.1";  // an IPv4 address
  std::uint16_t port = 0;
  std::string unix_path;  // instead of the two above, where it is not ""
};

// "127.0.0.1:8000", or "unix:PATH".
[[nodiscard]] Address parse_address(const std::string& text);

class Socket {
 public:
  explicit Socket(int fd) noexcept : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

// Connected; blocking, without Nagle's delay.
[[nodiscard]] Socket connect_to(const Address& address);

struct PlainReply {
  int status = 0;  // 0: nobody listens, or the connection broke
  std::string body;
};

// One request on a connection of its own.
[[nodiscard]] PlainReply http_exchange(const Address& address, const std::string& method,
                                       const std::string& path, const std::string& body = "");

}  // namespace muster::bench
