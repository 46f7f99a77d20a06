// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/listen_address.h"

#include <cerrno>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

namespace muster {
namespace {

class Socket {
 public:
  explicit Socket(int family) noexcept : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  const int fd_;
};

struct IpAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

std::optional<IpAddress> ip_address(const std::string& text, std::uint16_t port) {
  IpAddress address;
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.size = sizeof(v4);
    std::memcpy(&address.storage, &v4, sizeof(v4));
  } else if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.size = sizeof(v6);
    std::memcpy(&address.storage, &v6, sizeof(v6));
  } else {
    return std::nullopt;
  }
  return address;
}

Status cannot_listen(const GrpcListener& listener, const std::string& reason) {
  return unavailable("cannot listen on " + printed_address(listener) + " for gRPC: " + reason);
}

Status try_port(const GrpcListener& listener, const IpAddress& address) {
  const Socket tried(address.storage.ss_family);
  if (tried.fd() < 0) return cannot_listen(listener, std::strerror(errno));
  const int yes = 1;
  setsockopt(tried.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(tried.fd(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
      listen(tried.fd(), 1) != 0)
    return cannot_listen(listener, std::strerror(errno));
  return {};
}

// gRPC takes the place of any socket that it finds, also of one that another server listens on.
Status try_path(const GrpcListener& listener) {
  sockaddr_un address = {};
  if (listener.address.empty() || listener.address.size() >= sizeof(address.sun_path) ||
      listener.address.find('\0') != std::string::npos) {
    return invalid_argument("'" + printable(listener.address) +
                            "' is no path for a Unix-domain socket: 1 to " +
                            std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  struct stat found = {};
  if (lstat(listener.address.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) return cannot_listen(listener, "there is a file that is no socket");
  address.sun_family = AF_UNIX;
  listener.address.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const Socket tried(AF_UNIX);
  if (connect(tried.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
    return cannot_listen(listener, "another server listens there");
  return {};
}

}  // namespace

Result<std::string> listen_address(const GrpcListener& listener) {
  if (listener.unix_socket) {
    MUSTER_RETURN_IF_ERROR(try_path(listener));
    return "unix:" + listener.address;
  }
  const auto address = ip_address(listener.address, listener.port);
  if (!address)
    return invalid_argument("'" + printable(listener.address) + "' is no IP address to listen on");
  MUSTER_RETURN_IF_ERROR(try_port(listener, *address));
  return printed_address(listener);
}

std::string printed_address(const GrpcListener& listener) {
  if (listener.unix_socket) return printable(listener.address);
  const bool v6 = listener.address.find(':') != std::string::npos;
  return (v6 ? "[" + listener.address + "]" : listener.address) + ":" +
         std::to_string(listener.port);
}

bool is_loopback(const std::string& address) {
  const auto parsed = ip_address(address, 0);
  if (!parsed) return false;
  if (parsed->storage.ss_family == AF_INET6) return address == "::1";
  return address.starts_with("127.");
}

}  // namespace muster
