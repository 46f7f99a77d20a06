// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/acceptor.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <utility>

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/log.h"
#include "frontend/grpc/server_setup.h"

namespace muster {
namespace {

using std::chrono::milliseconds;

// Then the other listeners have their turn.
constexpr int kMaxAcceptsAtOnce = 64;
// How often connections are looked at, while there are any.
constexpr milliseconds kLookEvery{200};
// How long to wait where the system has no descriptor or no memory left.
constexpr milliseconds kRetryAfter{100};
// gRPC knows a connection by its descriptor's number, and a call may outlive its connection.
// Numbers are given out in turn up to this one, so that one comes again only after very many
// others.
constexpr int kMaxNumber = 1 << 16;
// A client begins with a preface of 24 bytes and a frame whose head has 9.
constexpr std::uint64_t kGreetingBytes = 24 + 9;

void set_option(int socket, int option, int value) noexcept {
  static_cast<void>(::setsockopt(socket, IPPROTO_TCP, option, &value, sizeof(value)));
}

bool has_greeted(int socket) noexcept {
  tcp_info facts{};
  socklen_t size = sizeof(facts);
  return ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &facts, &size) != 0 ||
         facts.tcpi_bytes_received >= kGreetingBytes;
}

}  // namespace

Acceptor::~Acceptor() {
  stop();
  metrics().connections_closed.add(connections_.size());
}

void Acceptor::add(Listener listener) {
  // What is accepted inherits these. gRPC sets the same on sockets of its own.
  if (listener.socket.family() != AF_UNIX) {
    set_option(listener.socket.descriptor(), TCP_NODELAY, 1);
    set_option(listener.socket.descriptor(), TCP_USER_TIMEOUT,
               static_cast<int>(kKeepalivePatience.count()));
  }
  listeners_.push_back({std::move(listener)});
}

Status Acceptor::start() {
  wake_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.is_open()) {
    return unavailable("gRPC cannot accept connections: " + std::string(std::strerror(errno)));
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

void Acceptor::stop() noexcept {
  if (thread_.joinable()) {
    const std::uint64_t once = 1;
    static_cast<void>(!::write(wake_.get(), &once, sizeof(once)));
    thread_.join();
  }
  for (Entry& entry : listeners_)
    entry.listener.socket.close();
}

void Acceptor::run() {
  std::vector<pollfd> waits = {{wake_.get(), POLLIN, 0}};
  for (const Entry& entry : listeners_)
    waits.push_back({entry.listener.socket.descriptor(), POLLIN, 0});
  while (true) {
    const bool was_short = std::exchange(is_short_, false);
    const milliseconds limit = was_short ? kRetryAfter : kLookEvery;
    const bool sleeps = !was_short && connections_.empty();
    // Who cannot be accepted now would wake us for nothing.
    const int ready = ::poll(waits.data(), was_short ? 1 : static_cast<nfds_t>(waits.size()),
                             sleeps ? -1 : static_cast<int>(limit.count()));
    if (ready > 0 && waits[0].revents != 0) return;
    has_looked_ = false;
    if (ready <= 0 || services_.clock.now() - looked_at_ >= kLookEvery) look_at_connections();
    for (std::size_t listener = 0; listener < listeners_.size(); ++listener) {
      if (was_short || (ready > 0 && waits[listener + 1].revents != 0)) accept_from(listener);
    }
  }
}

void Acceptor::accept_from(std::size_t listener) noexcept try {
  for (int i = 0; i < kMaxAcceptsAtOnce; ++i) {
    if (!accept_one(listeners_[listener], listener)) return;
  }
} catch (const std::exception& failure) {
  log(LogLevel::kError, std::string_view(failure.what()));
}

bool Acceptor::accept_one(Entry& entry, std::size_t listener) {
  Descriptor accepted(::accept4(entry.listener.socket.descriptor(), nullptr, nullptr,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted.is_open()) return goes_on_after(errno);
  const std::size_t most = services_.limits.max_connections;
  if (entry.open >= most && !has_looked_) look_at_connections();
  if (entry.open >= most) {
    metrics().connections_refused.add();
    return true;
  }
  Descriptor handed(duplicate(accepted.get()));
  if (!handed.is_open()) {
    metrics().connections_refused.add();
    return goes_on_after(errno);
  }
  is_told_ = false;
  peers_.set(handed.get(), peer_text(accepted.get()));
  looks_.resize(connections_.size() + 1);
  connections_.push_back(
      {std::move(accepted), listener, services_.clock.now(), !entry.listener.limits_greeting});
  ++entry.open;
  metrics().connections_accepted.add();
  entry.listener.hand_over(handed.release());
  return true;
}

bool Acceptor::goes_on_after(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK) return false;
  if (error == EINTR || error == ECONNABORTED) return true;
  if (!has_looked_) {
    look_at_connections();  // gives back the descriptors of those that ended
    return true;
  }
  is_short_ = true;
  if (!std::exchange(is_told_, true)) {
    log(LogLevel::kWarning,
        "gRPC: no more connections can be accepted for now: " + std::string(std::strerror(error)));
  }
  return false;
}

int Acceptor::duplicate(int descriptor) noexcept {
  int made = ::fcntl(descriptor, F_DUPFD_CLOEXEC, next_number_);
  if (made < 0 && next_number_ > 0) made = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (made >= 0) next_number_ = made + 1 < kMaxNumber ? made + 1 : 0;
  return made;
}

void Acceptor::look_at_connections() noexcept {
  has_looked_ = true;
  looked_at_ = services_.clock.now();
  const std::size_t count = connections_.size();
  for (std::size_t i = 0; i < count; ++i)
    looks_[i] = {connections_[i].socket.get(), 0, 0};
  ::poll(looks_.data(), static_cast<nfds_t>(count), 0);
  // From behind: the last one takes the place of one that goes.
  for (std::size_t i = count; i-- > 0;) {
    if (!is_over(connections_[i], looks_[i].revents)) continue;
    --listeners_[connections_[i].listener].open;
    metrics().connections_closed.add();
    std::swap(connections_[i], connections_.back());
    connections_.pop_back();
  }
}

bool Acceptor::is_over(Connection& connection, int events) const noexcept {
  if ((events & POLLHUP) != 0) return true;
  if (connection.has_greeted ||
      looked_at_ - connection.accepted_at < services_.limits.receive_timeout) {
    return false;
  }
  connection.has_greeted = has_greeted(connection.socket.get());
  // gRPC reads the end, and closes what it has.
  if (!connection.has_greeted) ::shutdown(connection.socket.get(), SHUT_RDWR);
  return !connection.has_greeted;
}

}  // namespace muster
