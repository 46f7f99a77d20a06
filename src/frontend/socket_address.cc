// SPDX-License-Identifier: Apache-2.0
#include "frontend/socket_address.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

namespace muster {
namespace {

constexpr int kBacklog = 1024;

Status failure(const std::string& where, const char* what) {
  const int error = errno;
  const StatusCode code =
      error == EADDRINUSE ? StatusCode::kUnavailable : StatusCode::kInvalidArgument;
  return Status(code,
                "cannot listen on " + printable(where) + ": " + what + ": " + std::strerror(error));
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  bool is_loopback = false;
};

Result<Address> parse(std::string text, std::uint16_t port) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
    address.is_loopback = (ntohl(v4->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    return address;
  }
  if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof(sockaddr_in6);
    address.is_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    return address;
  }
  return invalid_argument("cannot listen on " + printable(text) +
                          ": this is no IP address; use 127.0.0.1, ::1, 0.0.0.0 or ::");
}

std::uint16_t port_of(int descriptor) noexcept {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  // Both families have their port at the same place.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

// Removes the socket file of a server that is gone.
Status remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return invalid_argument("cannot listen on " + printable(path) +
                            ": there is a file that is no socket");
  }
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (probe.get() < 0) return failure(path, "socket");
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return unavailable("cannot listen on " + printable(path) + ": another server does");
  }
  if (errno != ECONNREFUSED) return failure(path, "connect");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failure(path, "unlink");
  return {};
}

}  // namespace

Result<ListeningSocket> ListeningSocket::on_address(const std::string& address,
                                                    std::uint16_t port) {
  MUSTER_ASSIGN_OR_RETURN(const Address parsed, parse(address, port));
  const bool is_bare_v6 = parsed.storage.ss_family == AF_INET6 && address.front() != '[';
  const std::string where =
      (is_bare_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  const int family = parsed.storage.ss_family;
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return failure(where, "socket");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&parsed.storage), parsed.size) != 0) {
    return failure(where, "bind");
  }
  if (::listen(socket.get(), kBacklog) != 0) return failure(where, "listen");
  const std::uint16_t bound = port_of(socket.get());
  ListeningSocket listening(std::move(socket), family);
  listening.port_ = bound;
  listening.is_loopback_ = parsed.is_loopback;
  return listening;
}

Result<ListeningSocket> ListeningSocket::on_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path) ||
      path.find('\0') != std::string::npos) {
    return invalid_argument("cannot listen on " + printable(path) + ": the path must have 1 to " +
                            std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  MUSTER_RETURN_IF_ERROR(remove_stale(path, address));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return failure(path, "socket");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return failure(path, "bind");
  }
  struct stat file {};
  // Nobody can connect before `listen`, so that the mode is there in time.
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::listen(socket.get(), kBacklog) != 0 ||
      ::lstat(path.c_str(), &file) != 0) {
    const Status status = failure(path, "listen");
    ::unlink(path.c_str());
    return status;
  }
  ListeningSocket listening(std::move(socket), AF_UNIX);
  listening.path_ = path;
  listening.file_device_ = file.st_dev;
  listening.file_number_ = file.st_ino;
  return listening;
}

void ListeningSocket::close() noexcept {
  struct stat file {};
  if (descriptor_.is_open() && !path_.empty() && ::lstat(path_.c_str(), &file) == 0 &&
      file.st_dev == file_device_ && file.st_ino == file_number_) {
    ::unlink(path_.c_str());
  }
  descriptor_.close();
}

std::string peer_text(int descriptor) {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return {};
  if (peer.ss_family == AF_UNIX) return "unix:";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&peer);
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&peer);
  const bool is_v6 = peer.ss_family == AF_INET6;
  const void* address = is_v6 ? static_cast<const void*>(&v6->sin6_addr) : &v4->sin_addr;
  if (::inet_ntop(peer.ss_family, address, text.data(), text.size()) == nullptr) return {};
  const std::string host = is_v6 ? "[" + std::string(text.data()) + "]" : std::string(text.data());
  return host + ":" + std::to_string(ntohs(v4->sin_port));
}

}  // namespace muster
