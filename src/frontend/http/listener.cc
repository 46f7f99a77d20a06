// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/listener.h"

#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "frontend/http/message/reply_head.h"
#include "frontend/http/tls_context.h"
#include "frontend/http/transport_thread.h"
#include "protocol/status_codes.h"

namespace muster {
namespace {

namespace asio = boost::asio;

// Then others on the thread have their turn.
constexpr int kMaxAcceptsAtOnce = 16;
// How long to wait where there are no descriptors left, or no memory.
constexpr std::chrono::milliseconds kRetryAfter{100};

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

bool is_passing(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

struct Listener::Acceptor {
  using Executor = asio::io_context::executor_type;
  asio::posix::basic_stream_descriptor<Executor> socket;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      retry;
};

Result<std::unique_ptr<Listener>> Listener::open(const HttpListener& wanted) {
  std::unique_ptr<asio::ssl::context> tls;
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

Listener::Listener(const HttpListener& wanted, ListeningSocket socket,
                   std::unique_ptr<asio::ssl::context> tls)
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
  threads_.front()->post([this] {
    if (socket_.descriptor() < 0) return;  // stopped before
    const auto executor = threads_.front()->io().get_executor();
    acceptor_ = std::make_unique<Acceptor>(
        Acceptor{{executor, socket_.descriptor()}, decltype(Acceptor::retry)(executor)});
    wait();
  });
}

void Listener::finish() noexcept {
  if (!acceptor_) return;
  int error = 0;
  while (error == 0 || error == ECONNABORTED || error == EINTR)
    error = accept_one();
  stop();
}

void Listener::stop() noexcept {
  if (acceptor_) static_cast<void>(acceptor_->socket.release());  // it is closed with its file
  acceptor_.reset();
  socket_.close();
}

void Listener::wait() {
  acceptor_->socket.async_wait(asio::posix::descriptor_base::wait_read,
                               [this](boost::system::error_code error) {
                                 if (error || !acceptor_) return;
                                 accept_some();
                               });
}

void Listener::accept_some() {
  for (int i = 0; i < kMaxAcceptsAtOnce; ++i) {
    const int error = accept_one();
    if (is_passing(error)) {
      log(LogLevel::kWarning,
          "HTTP: no more connections can be accepted for now: too many files "
          "are open, or memory is short");
      acceptor_->retry.expires_after(kRetryAfter);
      acceptor_->retry.async_wait([this](boost::system::error_code failed) {
        if (!failed && acceptor_) wait();
      });
      return;
    }
    if (error == EAGAIN || error == EWOULDBLOCK) break;
  }
  wait();
}

int Listener::accept_one() {
  const int accepted =
      ::accept4(acceptor_->socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted < 0) return errno;
  take({accepted, socket_.family()});
  return 0;
}

void Listener::take(AcceptedSocket accepted) try {
  TransportThread& first = *threads_.front();
  if (facts_.open.load(std::memory_order_relaxed) >= first.services().limits.max_connections) {
    return refuse(accepted);
  }
  first.metrics().connections_accepted.add();
  TransportThread& chosen = *threads_[next_thread_++ % threads_.size()];
  if (&chosen == &first) return admit(first, accepted);
  chosen.post([this, &chosen, accepted] { admit(chosen, accepted); });
} catch (const std::exception& failure) {
  log(LogLevel::kError, std::string_view(failure.what()));
  ::close(accepted.descriptor);
}

void Listener::refuse(AcceptedSocket accepted) noexcept {
  threads_.front()->metrics().connections_refused.add();
  if (!tls_) {
    static const std::string kBusy = busy_reply();
    std::array<char, 4096> request;
    static_cast<void>(::send(accepted.descriptor, kBusy.data(), kBusy.size(), MSG_NOSIGNAL));
    ::shutdown(accepted.descriptor, SHUT_WR);
    // What is left unread would take the reply away from the client.
    static_cast<void>(::recv(accepted.descriptor, request.data(), request.size(), MSG_DONTWAIT));
  }
  ::close(accepted.descriptor);
}

void Listener::admit(TransportThread& thread, AcceptedSocket accepted) noexcept try {
  if (thread.is_ending()) {
    ::close(accepted.descriptor);
    return;
  }
  const ConnectionRef connection = tls_ ? make_tls_connection(thread, facts_, accepted, *tls_)
                                        : make_plain_connection(thread, facts_, accepted);
  connection->begin();
} catch (const std::exception& failure) {
  log(LogLevel::kError, std::string_view(failure.what()));
}

}  // namespace muster
