// SPDX-License-Identifier: Apache-2.0
// Listener: a listening socket, whose connections go to the transport threads in turn.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "frontend/http/connection.h"
#include "frontend/http/http_frontend.h"
#include "frontend/http/stream_connection.h"
#include "frontend/socket_address.h"

namespace muster {

class TransportThread;

class Listener {
 public:
  // Listens when it returns; accepts when started.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open(const HttpListener& wanted);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // All threads have ended.
  ~Listener();

  [[nodiscard]] std::uint16_t port() const noexcept { return socket_.port(); }
  // Any thread. Accepts on the first of `threads`, which outlive this.
  void start(std::span<const std::unique_ptr<TransportThread>> threads);
  // On the first thread: takes those that have connected already, and then as `stop`.
  void finish() noexcept;
  // On the first thread, or after its end: no more connections, and the socket is closed and
  // its file, if it has one, removed.
  void stop() noexcept;

 private:
  struct Acceptor;

  Listener(const HttpListener& wanted, ListeningSocket socket,
           std::unique_ptr<boost::asio::ssl::context> tls);
  void wait();
  void accept_some();
  // The system's error, or 0.
  [[nodiscard]] int accept_one();
  void take(AcceptedSocket accepted);
  void refuse(AcceptedSocket accepted) noexcept;
  void admit(TransportThread& thread, AcceptedSocket accepted) noexcept;

  ListeningSocket socket_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  ListenerFacts facts_;
  std::vector<TransportThread*> threads_;
  std::size_t next_thread_ = 0;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace muster
