// SPDX-License-Identifier: Apache-2.0
#include "frontend/transport/listener.h"

#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include <sys/socket.h>

#include "base/log.h"

namespace muster {
namespace {

// Then others on the thread have their turn.
constexpr int kMaxAcceptsAtOnce = 16;

// An accepted socket on its way to its thread, which may be busy for long.
struct Coming {
  Coming(Descriptor accepted, ListenerFacts& listener) noexcept
      : socket(std::move(accepted)), facts(listener) {
    facts.coming.fetch_add(1, std::memory_order_relaxed);
  }
  Coming(const Coming&) = delete;
  Coming& operator=(const Coming&) = delete;
  ~Coming() { facts.coming.fetch_sub(1, std::memory_order_relaxed); }

  Descriptor socket;
  ListenerFacts& facts;
};

bool is_passing(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(Options options) {
  TlsContextOwner tls;
  if (options.tls.enabled()) {
    if (options.unix_socket) {
      return invalid_argument("a Unix-domain socket has no TLS: its file's permissions guard it");
    }
    MUSTER_ASSIGN_OR_RETURN(tls, make_tls_context(options.tls, options.protocol));
  }
  auto socket = options.unix_socket ? ListeningSocket::on_path(options.address)
                                    : ListeningSocket::on_address(options.address, options.port);
  if (!socket.ok()) return std::move(socket).status();
  return std::unique_ptr<Listener>(
      new Listener(std::move(options), std::move(*socket), std::move(tls)));
}

Listener::Listener(Options options, ListeningSocket socket, TlsContextOwner tls)
    : options_(std::move(options)), socket_(std::move(socket)), tls_(std::move(tls)) {
  facts_.kind = options_.kind;
  facts_.is_loopback = socket_.is_loopback();
  facts_.tls = tls_.get();
}

Listener::~Listener() {
  stop();
}

void Listener::start(std::vector<Host*> hosts, std::size_t max_connections,
                     TransportMetrics& metrics) {
  hosts_ = std::move(hosts);
  max_connections_ = max_connections;
  metrics_ = &metrics;
  loop().post([this] { wait(); });
}

void Listener::finish() noexcept {
  int error = 0;
  while (socket_.descriptor() >= 0 && (error == 0 || error == ECONNABORTED || error == EINTR))
    error = accept_one();
  stop();
}

void Listener::stop() noexcept {
  if (std::exchange(waiting_, false)) {
    loop().events().forget(socket_.descriptor(), *this);
  }
  socket_.close();
}

void Listener::wait() {
  if (waiting_ || socket_.descriptor() < 0) return;  // stopped before
  // Not by edges: what is not accepted in one turn is told again.
  loop().events().watch(socket_.descriptor(), EPOLLIN, *this);
  waiting_ = true;
}

void Listener::ready(std::uint32_t) noexcept {
  for (int i = 0; i < kMaxAcceptsAtOnce; ++i) {
    const int error = accept_one();
    if (is_passing(error)) return pause();
    if (error == EAGAIN || error == EWOULDBLOCK) return;
  }
}

// Still watched, as beginning anew would take memory, which there may be none of.
void Listener::pause() noexcept try {
  if (!std::exchange(is_told_, true)) {
    log(LogLevel::kWarning, std::string(options_.front_end) +
                                ": no more connections can be accepted for now: too many files "
                                "are open, or memory is short");
  }
  EventLoop& events = loop().events();
  loop().post_at_tick([this, &events] {
    if (waiting_) events.change(socket_.descriptor(), EPOLLIN, *this);
  });
  events.change(socket_.descriptor(), 0, *this);
} catch (const std::exception& failure) {
  log(LogLevel::kError, std::string_view(failure.what()));
}

int Listener::accept_one() {
  const int accepted =
      ::accept4(socket_.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted < 0) return errno;
  is_told_ = false;
  take(Descriptor(accepted));
  return 0;
}

void Listener::take(Descriptor accepted) try {
  const std::size_t there =
      facts_.open.load(std::memory_order_relaxed) + facts_.coming.load(std::memory_order_relaxed);
  if (there >= max_connections_) return refuse(accepted);
  metrics_->connections_accepted.add();
  Host& chosen = *hosts_[next_host_++ % hosts_.size()];
  if (&chosen == hosts_.front()) return admit(chosen, std::move(accepted));
  // Tasks can be copied, descriptors cannot.
  const auto coming = std::make_shared<Coming>(std::move(accepted), facts_);
  chosen.loop().post([this, &chosen, coming] { admit(chosen, std::move(coming->socket)); });
} catch (const std::exception& failure) {
  log(LogLevel::kError, std::string_view(failure.what()));
}

void Listener::refuse(const Descriptor& accepted) noexcept {
  metrics_->connections_refused.add();
  if (tls_ || options_.busy_reply.empty()) return;
  std::array<char, 4096> request;
  static_cast<void>(
      ::send(accepted.get(), options_.busy_reply.data(), options_.busy_reply.size(), MSG_NOSIGNAL));
  ::shutdown(accepted.get(), SHUT_WR);
  // What is left unread would take the reply away from the client.
  static_cast<void>(::recv(accepted.get(), request.data(), request.size(), MSG_DONTWAIT));
}

void Listener::admit(Host& host, Descriptor accepted) noexcept try {
  if (host.loop().is_ending()) return;
  host.admit(facts_, std::move(accepted));
} catch (const std::exception& failure) {
  log(LogLevel::kError, std::string_view(failure.what()));
}

}  // namespace muster
