// SPDX-License-Identifier: Apache-2.0
// RawClient: a socket that sends any bytes, well-formed or not, and reads replies.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace muster::testing {

struct RawReply {
  int status = 0;  // 0 = none came
  std::string head;
  std::string body;

  // "" where it is missing.
  [[nodiscard]] std::string header(std::string_view name) const {
    const std::string line = "\r\n" + std::string(name) + ": ";
    const std::size_t at = head.find(line);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + line.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  explicit RawClient(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    connect(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  virtual ~RawClient() { leave(); }

  [[nodiscard]] bool connected() const noexcept { return connected_; }

  RawClient& send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return *this;
  }
  // Sends nothing more, but still reads.
  void end_sending() { ::shutdown(socket_, SHUT_WR); }
  void leave() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  // With a reset instead of an orderly end.
  void leave_abruptly() {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    leave();
  }

  // The next reply; `has_body` false for one to HEAD, or 100 Continue.
  [[nodiscard]] RawReply reply(bool has_body = true) {
    RawReply reply;
    std::size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return reply;
    }
    reply.head = received_.substr(0, end + 2);
    received_.erase(0, end + 4);
    reply.status = std::atoi(reply.head.substr(9, 3).c_str());
    if (!has_body) return reply;
    const std::size_t length = std::strtoul(reply.header("Content-Length").c_str(), nullptr, 10);
    while (received_.size() < length) {
      if (!receive()) return reply;
    }
    reply.body = received_.substr(0, length);
    received_.erase(0, length);
    return reply;
  }
  // Takes so many bytes of what comes, and throws them away; how many came.
  std::size_t receive_bytes(std::size_t count) {
    char piece[65536];
    std::size_t received = 0;
    while (received < count) {
      const ssize_t some = receive_some(piece, std::min(sizeof(piece), count - received));
      if (some <= 0) break;
      received += static_cast<std::size_t>(some);
    }
    return received;
  }
  // Whether the server ends the connection without another byte.
  [[nodiscard]] bool is_closed() {
    errno = 0;
    return received_.empty() && !receive() && errno != EAGAIN;
  }
  // Whether the server ends the connection, whatever it sends before.
  [[nodiscard]] bool is_ended() {
    errno = 0;
    while (receive())
      received_.clear();
    return errno != EAGAIN;
  }

 protected:
  [[nodiscard]] int descriptor() const noexcept { return socket_; }
  virtual ssize_t receive_some(char* into, std::size_t size) {
    return ::recv(socket_, into, size, 0);
  }

 private:
  void connect(const sockaddr* address, socklen_t size) {
    // A test that hangs fails instead.
    const timeval limit{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    connected_ = ::connect(socket_, address, size) == 0;
  }
  bool receive() {
    char piece[65536];
    const ssize_t count = receive_some(piece, sizeof(piece));
    if (count <= 0) return false;
    received_.append(piece, static_cast<std::size_t>(count));
    return true;
  }

  int socket_;
  bool connected_ = false;
  std::string received_;
};

}  // namespace muster::testing
