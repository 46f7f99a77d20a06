// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/listener.h"

#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include <sys/socket.h>

#include "base/log.h"
#include "frontend/http/message/reply_head.h"
#include "frontend/http/stream_connection.h"
#include "frontend/http/transport_thread.h"
#include "protocol/status_codes.h"

namespace muster {
namespace {

// Then others on the thread have their turn.
constexpr int kMaxAcceptsAtOnce = 16;

std::string busy_reply() {
  const std::string body = error_json("too many connections; try again later");
  ReplyHead head;
  head.status = 503;
  head.content_length = body.size();
  head.close = true;
  head.retry_after = true;
  std::string text;
  write_reply_head(head, text);
  return text + body;
}

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

Result<std::unique_ptr<Listener>> Listener::open(const HttpListener& wanted) {
  TlsContextOwner tls;
  if (wanted.tls.enabled()) {
    if (wanted.unix_socket) {
      return invalid_argument("a Unix-domain socket has no TLS: its file's permissions guard it");
    }
    MUSTER_ASSIGN_OR_RETURN(tls, make_tls_context(wanted.tls));
  }
  auto socket = wanted.unix_socket ? ListeningSocket::on_path(wanted.address)
                                   : ListeningSocket::on_address(wanted.address, wanted.port);
  if (!socket.ok()) return std::move(socket).status();
  return std::unique_ptr<Listener>(new Listener(wanted, std::move(*socket), std::move(tls)));
}

Listener::Listener(const HttpListener& wanted, ListeningSocket socket, TlsContextOwner tls)
    : socket_(std::move(socket)), tls_(std::move(tls)) {
  facts_.kind = wanted.kind;
  facts_.is_loopback = socket_.is_loopback();
}

Listener::~Listener() {
  stop();
}

void Listener::start(std::span<const std::unique_ptr<TransportThread>> threads) {
  for (const auto& thread : threads)
    threads_.push_back(thread.get());
  threads_.front()->post([this] { wait(); });
}

void Listener::finish() noexcept {
  int error = 0;
  while (socket_.descriptor() >= 0 && (error == 0 || error == ECONNABORTED || error == EINTR))
    error = accept_one();
  stop();
}

void Listener::stop() noexcept {
  if (std::exchange(waiting_, false)) {
    threads_.front()->loop().forget(socket_.descriptor(), *this);
  }
  socket_.close();
}

void Listener::wait() {
  if (waiting_ || socket_.descriptor() < 0) return;  // stopped before
  // Not by edges: what is not accepted in one turn is told again.
  threads_.front()->loop().watch(socket_.descriptor(), EPOLLIN, *this);
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
    log(LogLevel::kWarning,
        "HTTP: no more connections can be accepted for now: too many files "
        "are open, or memory is short");
  }
  EventLoop& loop = threads_.front()->loop();
  threads_.front()->post_at_tick([this, &loop] {
    if (waiting_) loop.change(socket_.descriptor(), EPOLLIN, *this);
  });
  loop.change(socket_.descriptor(), 0, *this);
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
  TransportThread& first = *threads_.front();
  const std::size_t there =
      facts_.open.load(std::memory_order_relaxed) + facts_.coming.load(std::memory_order_relaxed);
  if (there >= first.services().limits.max_connections) return refuse(accepted);
  first.metrics().connections_accepted.add();
  TransportThread& chosen = *threads_[next_thread_++ % threads_.size()];
  if (&chosen == &first) return admit(first, std::move(accepted));
  // Tasks can be copied, descriptors cannot.
  const auto coming = std::make_shared<Coming>(std::move(accepted), facts_);
  chosen.post([this, &chosen, coming] { admit(chosen, std::move(coming->socket)); });
} catch (const std::exception& failure) {
  log(LogLevel::kError, std::string_view(failure.what()));
}

void Listener::refuse(const Descriptor& accepted) noexcept {
  threads_.front()->metrics().connections_refused.add();
  if (tls_) return;
  static const std::string kBusy = busy_reply();
  std::array<char, 4096> request;
  static_cast<void>(::send(accepted.get(), kBusy.data(), kBusy.size(), MSG_NOSIGNAL));
  ::shutdown(accepted.get(), SHUT_WR);
  // What is left unread would take the reply away from the client.
  static_cast<void>(::recv(accepted.get(), request.data(), request.size(), MSG_DONTWAIT));
}

void Listener::admit(TransportThread& thread, Descriptor accepted) noexcept try {
  if (thread.is_ending()) return;
  const ConnectionRef connection =
      tls_ ? make_tls_connection(thread, facts_, std::move(accepted), *tls_)
           : make_plain_connection(thread, facts_, std::move(accepted));
  connection->begin();
} catch (const std::exception& failure) {
  log(LogLevel::kError, std::string_view(failure.what()));
}

}  // namespace muster
