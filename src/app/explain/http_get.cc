// SPDX-License-Identifier: Apache-2.0
#include "app/explain/http_get.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

namespace muster {
namespace {

struct Host {
  std::string name;
  std::string port = "80";
  std::string authority;
};

Result<Host> parse_url(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = url;
  if (!rest.starts_with(kScheme)) {
    return invalid_argument("'" + printable(url) +
                            "' is no URL of a server; write http://HOST:PORT");
  }
  rest.remove_prefix(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  Host host;
  host.authority = rest;
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
  const std::size_t colon = bracket == std::string_view::npos ? bracket : rest.find(':', bracket);
  std::string_view name = rest.substr(0, colon);
  if (colon != std::string_view::npos) host.port = rest.substr(colon + 1);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  host.name = name;
  const std::optional<std::int64_t> port = parse_int(host.port);
  const bool is_plain = name.find_first_of("/?#@[] \r\n") == std::string_view::npos;
  if (host.name.empty() || !is_plain || !port || *port < 1 || *port > 65535) {
    return invalid_argument("'" + printable(url) +
                            "' is no URL of a server; write http://HOST:PORT");
  }
  return host;
}

class Connection {
 public:
  explicit Connection(int descriptor) : descriptor_(descriptor) {}
  ~Connection() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Connection(Connection&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Connection& operator=(Connection&&) = delete;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

Result<Connection> connect_to(const Host& host, std::chrono::milliseconds limit) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(host.name.c_str(), host.port.c_str(), &hints, &found);
  if (failure != 0) return unavailable(::gai_strerror(failure));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  // Both limits hold for connecting too.
  timeval wait = {};
  wait.tv_sec = limit.count() / 1000;
  wait.tv_usec = (limit.count() % 1000) * 1000;
  int reason = ECONNREFUSED;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Connection connection(
        ::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol));
    if (connection.descriptor() < 0) continue;
    ::setsockopt(connection.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    ::setsockopt(connection.descriptor(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (::connect(connection.descriptor(), address->ai_addr, address->ai_addrlen) == 0)
      return connection;
    reason = errno == EINPROGRESS ? ETIMEDOUT : errno;
  }
  return unavailable(std::strerror(reason));
}

Status send_all(const Connection& connection, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(connection.descriptor(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return unavailable(std::strerror(errno == EAGAIN ? ETIMEDOUT : errno));
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

// Until the server closes, as it was asked to.
Result<std::string> receive_all(const Connection& connection) {
  std::string reply;
  std::array<char, 16384> part;
  while (true) {
    const ssize_t got = ::recv(connection.descriptor(), part.data(), part.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unavailable(std::strerror(errno == EAGAIN ? ETIMEDOUT : errno));
    if (got == 0) return reply;
    reply.append(part.data(), static_cast<std::size_t>(got));
    if (reply.size() > kMaxReplyBytes) {
      return resource_exhausted("the reply has more than " + std::to_string(kMaxReplyBytes) +
                                " bytes");
    }
  }
}

Result<std::string> body_of(const std::string& reply) {
  constexpr std::size_t kStatusAt = 9;  // behind "HTTP/1.1 "
  const std::size_t end = reply.find("\r\n\r\n");
  if (!reply.starts_with("HTTP/1.") || reply.size() < kStatusAt + 3 || end == std::string::npos)
    return unavailable("what answers there is no HTTP server");
  const std::string status = reply.substr(kStatusAt, 3);
  std::string body = reply.substr(end + 4);
  if (status == "200") return body;
  return failed_precondition("the server says " + printable(status) + ": " + printable(body));
}

}  // namespace

Result<std::string> http_get(const std::string& url, std::string_view path,
                             std::string_view bearer_token, std::chrono::milliseconds limit) {
  MUSTER_ASSIGN_OR_RETURN(const Host host, parse_url(url));
  const auto ask = [&]() -> Result<std::string> {
    MUSTER_ASSIGN_OR_RETURN(const Connection connection, connect_to(host, limit));
    std::string request = "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + host.authority +
                          "\r\nConnection: close\r\n";
    if (!bearer_token.empty())
      request += "Authorization: Bearer " + std::string(bearer_token) + "\r\n";
    MUSTER_RETURN_IF_ERROR(send_all(connection, request + "\r\n"));
    MUSTER_ASSIGN_OR_RETURN(const std::string reply, receive_all(connection));
    return body_of(reply);
  };
  auto body = ask();
  if (!body.ok()) return body.status().with_context(printable(url) + std::string(path));
  return body;
}

}  // namespace muster
